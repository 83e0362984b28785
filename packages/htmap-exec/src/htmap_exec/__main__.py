"""Entry point: ``htmap-exec``, ``python -m htmap_exec``, and the ``__main__.py`` of the zip.

In: the command line. Out: an exit code.
Written in the syntax of Python 3.6, and importing only what that understands before the check, so that an old Python
can say that it is too old.
"""

import sys

from . import RUNNER_FAILED

OLDEST_PYTHON = (3, 10)


def main() -> int:
    """Do what the command line says and return the exit code."""
    if sys.version_info[:2] < OLDEST_PYTHON:
        found, oldest = (".".join(map(str, version[:2])) for version in (sys.version_info, OLDEST_PYTHON))
        sys.stderr.write(
            f"htmap-exec: This node has Python {found} ({sys.executable}), and HTMap needs Python {oldest} or newer. "
            "Require nodes that have it, or choose a delivery method that brings its own Python (docker, singularity, "
            "transplant).\n"
        )
        return RUNNER_FAILED
    from . import command_line  # noqa: PLC0415 - see above

    return command_line.main(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
