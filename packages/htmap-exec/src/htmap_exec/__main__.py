"""Entry point: ``htmap-exec``, ``python -m htmap_exec``, and the ``__main__.py`` of the zip.

In: the command line. Out: an exit code (`htmap_exec.command_line` lists them).
Written in the syntax of Python 3.6, and importing nothing of ours before the check, so that an old Python can say that
it is too old.
"""

import sys

OLDEST_PYTHON = (3, 10)
RUNNER_FAILED = 101


def main() -> int:
    """Do what the command line says and return the exit code."""
    problem = _python_too_old()
    if problem:
        return _give_up(problem)
    try:
        from . import command_line  # noqa: PLC0415 - see above
    except ImportError as error:
        return _give_up(_missing(error.name))
    return command_line.main(sys.argv[1:])


def _python_too_old() -> str:
    if sys.version_info[:2] >= OLDEST_PYTHON:
        return ""
    found, oldest = (".".join(map(str, version[:2])) for version in (sys.version_info, OLDEST_PYTHON))
    return (
        f"This node has Python {found} ({sys.executable}), and HTMap needs Python {oldest} or newer. Require nodes "
        "that have it, or choose a delivery method that brings its own Python (docker, singularity, transplant)."
    )


def _missing(module: "str | None") -> str:
    return (
        f"The module {module} is missing in {sys.executable}. Install htmap-exec there, with all that it needs, or "
        "choose a delivery method that brings it ('bundle' brings everything but Python itself)."
    )


def _give_up(sentence: str) -> int:
    sys.stderr.write(f"htmap-exec: {sentence}\n")
    return RUNNER_FAILED


if __name__ == "__main__":
    sys.exit(main())
