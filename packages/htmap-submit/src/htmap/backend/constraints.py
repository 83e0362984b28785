"""Which jobs are meant, as a schedd takes it.

In: a selection of the jobs of one map. Out: ClassAd constraints. On the other side: `htmap.backend.condor`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from htmap.backend.protocol import JobSelection


def constraints(selection: JobSelection) -> Iterator[tuple[str, int]]:
    """The selection in pieces that a schedd takes, and how many jobs each can mean; -1: any number.

    Never by cluster and proc alone: another access point, or this one after it was set up anew, gives the same numbers
    to jobs of others. The ad of a late-materialized cluster has the uid too, so that a constraint without procs holds,
    releases and removes what has not materialized yet, as one of the number alone would. (Tried on 23.9.6 and 25.14.1.)
    """
    ours = f'HTMapUid == "{selection.uid}"'
    if selection.jobs is None:
        yield ours, -1
        return
    for cluster, procs in selection.jobs.items():
        if procs is None:
            yield f"{ours} && ClusterId == {cluster}", -1
        else:
            for some in _pieces(procs):
                yield f"{ours} && ClusterId == {cluster} && member(ProcId, {{{','.join(map(str, some))}}})", len(some)


def _pieces(procs: Sequence[int], size: int = 1000) -> Iterator[Sequence[int]]:
    for start in range(0, len(procs), size):
        yield procs[start : start + size]
