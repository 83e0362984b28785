"""How this repository is worked on: its environments, and the checks that a change must pass.

In: the commands of ``dev.py``. Out: their exit codes. On the other side: hatch, which owns the environments.

    environments -> hatch in a virtual environment of its own, and commands in the environments that it makes
    checks       -> single checks, and how they are run
    everything   -> what ``dev.py test`` runs, in order, on which Python and which HTCondor
    containers   -> and after that, with docker and apptainer
"""
