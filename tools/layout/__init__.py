"""Measures how the code of the three distributions is laid out, for who wants to compare two plans of the house.

    python -m layout [TREE]      with the Python of the environment ``default``, in the folder tools

In: a checkout (this one, if none is named). Out: a table on standard output. On the other side: a map of one component
on the local backend, made for this, whose processes tell which files they go through.

    floors     -> from the source alone: how high modules stand on one another
    probe      -> runs in every process of the round trip, and writes down each call from file to file
    round_trip -> makes such a round trip, and reads what the probes have written
"""
