"""Why jobs of a delivery method may wait for ever.

In: the name of a delivery method, and a way to count machines. Out: a sentence, or nothing to say.
On the other side: a map that is being waited for, which asks a backend, which asks the collector of a pool.
"""

from __future__ import annotations

from collections.abc import Callable

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
