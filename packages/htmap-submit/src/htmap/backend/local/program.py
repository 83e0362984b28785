"""What is to run, and where: the value that goes through everything that has a part in starting a job.

In: a `Job` and its scratch directory (starter). Out: a `Program`. On the other side: `wrap` of ``containers`` and of
``courier``, each of which makes a program of its own that runs the one it is given; then a fork server, or the kernel.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Program:
    """A program that is ready to be started.

    Parameters
    ----------
    executable
        The file that it was made of: from it a fork server is started.
    command
        The program in its scratch directory, and all its arguments.
    server_arguments
        With these the executable becomes a server that forks it; none: there is no such server, as for what is wrapped.
    directory
        The scratch directory.
    """

    executable: Path
    command: Sequence[str]
    environment: Mapping[str, str]
    directory: Path
    server_arguments: Sequence[str] = ()
