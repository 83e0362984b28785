"""The calls that a mapped function makes while it runs.

In: paths from user code. Out: to the runner, if this process is one of its workers; nowhere otherwise, so that a
function that makes these calls can be tried on any machine. On the other side: the runner installs itself here before
it calls the function.
"""

from __future__ import annotations

import os
from collections.abc import Callable

_installed: dict[str, Callable[..., None]] = {}


def checkpoint(*paths: str | os.PathLike[str]) -> None:
    """Tell HTMap about checkpoint files: if the component is interrupted, they are there when it starts again.

    Call it each time they have changed, even under the same names. They are copied, so keep them small. All of them are
    named each time: what is not named is not part of the new checkpoint. On the submit side this does nothing.

    A map with a ``checkpoint_interval`` (`htmap.MapOptions`) sends checkpoints to the access point while it runs: when
    that is due, this call does not return, and the function starts again from the checkpoint just made.

    Parameters
    ----------
    paths
        Files or directories. They come back to their places in the scratch directory; those from elsewhere come back
        into the scratch directory itself, under their own names.
    """
    _call("checkpoint", paths)


def transfer_output_files(*paths: str | os.PathLike[str]) -> None:
    """Tell HTMap about files to send back, beside the return value.

    They come back into the folder ``map.output_files[component]``: those in the scratch directory by their paths in it,
    such as ``a/out.txt``; those from elsewhere by their last names. What is in the scratch directory is moved, so it is
    no longer in its place afterwards; what is elsewhere is copied. A link comes back as what it leads to; what has no
    content, such as a link that leads nowhere inside of a folder, is left out with a line on standard error. On the
    submit side this does nothing.

    Parameters
    ----------
    paths
        Files or directories.

    Raises
    ------
    FileNotFoundError
        There is none of that name.
    OSError
        Something in it cannot be read, or copied. Nothing has been moved.
    ValueError
        Two files would come back by the same path, or it cannot be sent. Nothing has been moved.
    """
    _call("transfer_output_files", paths)


def install(*, checkpoint: Callable[..., None], transfer_output_files: Callable[..., None]) -> None:
    """Have the calls answered by these functions, from now on in this process. For the runner."""
    _installed.update(checkpoint=checkpoint, transfer_output_files=transfer_output_files)


def _call(name: str, paths: tuple[str | os.PathLike[str], ...]) -> None:
    if answer := _installed.get(name):
        answer(*paths)
