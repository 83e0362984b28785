"""Why jobs may wait for ever: no machine of the pool has what they need.

In: the name of a delivery method, what a map requests, and a way to count machines. Out: a sentence, or nothing to say.
On the other side: a map that is being waited for, which asks a backend, which asks the collector of a pool.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from htmap.language.words import to_size

# What a machine must offer, in words and as it says so itself.
_NEEDS = {
    "docker": ("docker", "HasDocker"),
    "container": ("a container runtime", "HasDocker || HasSingularity"),
    "singularity": ("apptainer or singularity", "HasSingularity"),
}


def idle_advice(delivery: str, count_machines: Callable[[str], int | None]) -> str | None:
    """What to tell whoever waits for jobs that stay idle; None: nothing is known.

    Parameters
    ----------
    count_machines
        How many machines satisfy a ClassAd constraint; None: that cannot be asked.
    """
    if delivery not in _NEEDS:
        return None
    what, constraint = _NEEDS[delivery]
    if count_machines(constraint) != 0:
        return None
    return (
        f"Not a single machine of the pool offers {what}, which the delivery method {delivery} needs: these jobs will "
        "stay idle. Choose another DELIVERY_METHOD (bundle needs python3 on the nodes, transplant not even that), or "
        "ask the administrators of the pool."
    )


# The command, what a machine says it has of it, in words, and the unit of both.
_REQUESTS = (
    ("request_memory", "TotalMemory", "as much memory", "m"),
    ("request_disk", "TotalDisk", "as much disk", "k"),
    ("request_cpus", "TotalCpus", "as many processors", ""),
)


def request_advice(commands: Mapping[str, str], count_machines: Callable[[str], int | None]) -> str | None:
    """What to tell whoever waits for jobs that ask for more than any machine has.

    Parameters
    ----------
    commands
        The submit description. What is no plain number there is passed over.
    """
    for name, attribute, what, unit in _REQUESTS:
        requested = commands.get(name, "")
        amount = to_size(requested, unit) if unit else int(requested) if requested.isdigit() else None
        # In a pool of pilots there may be no machine at all for now, which says nothing.
        if amount and count_machines(f"{attribute} >= {amount}") == 0 and count_machines("true"):
            return (
                f"Not a single machine of the pool has {what} as {name} = {requested} asks for: these jobs match none "
                "as they were submitted. map.set_memory() and map.set_disk() change that; `condor_q -better-analyze` "
                "says more."
            )
    return None
