"""The command line of the runner.

In: arguments. Out: an exit code. On the other side: the submit description of a map, or a person who tries an image.
Parsed by hand: argparse would take longer to import than all else here.
"""

from __future__ import annotations

import os
import sys
import time

from . import RUNNER_FAILED, __version__
from .errors import RunnerFailure
from .task import Task

_HELP = """\
htmap-exec: runs components of an HTMap map on an execute node.

usage: htmap-exec run --function FILE --components 5-9,12 --inputs FILE[,FILE...] --outputs FILE
                      [--checkpoint-every SECONDS] [--end-within SECONDS] [--fresh-process] [--no-locals]
       htmap-exec fork-server | --self-test | --version | --wire-format | --help

run          run components in the current directory, which holds the files; append a record for each to the outputs
             file, and go on after the records that are there already
--checkpoint-every
             so often, end at a checkpoint or between two components, to be started again when the files are safe
--end-within so long may take what a component leaves for the end of its program: threads, executors, atexit
             handlers (default: 300)
--fresh-process
             run each component in a process of its own, which has to load the function again
--no-locals  keep the values of local variables out of the records of failures
fork-server  start such runs as processes of their own, for a supervisor on the other end of standard input
--self-test  run one small component in a temporary directory, to see whether it works here
--wire-format  print the number of the file format that this version reads and writes

exit codes:  0 every component returned, 100 at least one raised, 101 the runner itself failed,
             85 it is to be started again
"""

_VALUES = ("--function", "--components", "--inputs", "--outputs")
_EVERY = "--checkpoint-every"
_END_WITHIN = "--end-within"
_NO_LOCALS = "--no-locals"
_FRESH = "--fresh-process"


def main(arguments: list[str]) -> int:
    """Do what the arguments say, and return the exit code."""
    try:
        return _dispatch(arguments)
    except RunnerFailure as failure:
        sys.stderr.write(f"htmap-exec: {failure}\n")
    except ImportError as error:
        sys.stderr.write(
            f"htmap-exec: The module {error.name} is missing in {sys.executable}. Install htmap-exec there, with all "
            "that it needs, or choose a delivery method that brings it ('bundle' brings all but Python itself).\n"
        )
    except Exception:  # noqa: BLE001 - a bug of ours: whoever reports it needs the whole traceback
        sys.excepthook(*sys.exc_info())
    return RUNNER_FAILED


def parse_task(arguments: list[str]) -> Task:
    """Read what follows ``run``.

    Raises
    ------
    RunnerFailure
        The arguments make no sense.
    """
    values = {}
    rest = iter(argument for argument in arguments if argument not in (_NO_LOCALS, _FRESH))
    for option in rest:
        if option not in (*_VALUES, _EVERY, _END_WITHIN):
            raise RunnerFailure(f"There is no option {option!r}. Try: htmap-exec --help")
        values[option] = next(rest, "")
    missing = [option for option in _VALUES if not values.get(option)]
    if missing:
        raise RunnerFailure(f"The value of {', '.join(missing)} is missing. Try: htmap-exec --help")
    scratch = os.getcwd()
    return Task(
        # Whatever they are called on the submit side, HTCondor has put the files into the scratch directory.
        function=os.path.basename(values["--function"]),
        components=parse_components(values["--components"]),
        inputs=[os.path.basename(path) for path in _parts(values["--inputs"])],
        outputs=os.path.join(scratch, values["--outputs"]),
        scratch=scratch,
        with_locals=_NO_LOCALS not in arguments,
        has_fresh_processes=_FRESH in arguments,
        sent=frozenset([*os.listdir(scratch), values["--outputs"]]),
        end_within_s=_seconds(values.get(_END_WITHIN, "300")),
        leave_at=time.monotonic() + _seconds(values[_EVERY]) if _EVERY in values else None,
    )


def _seconds(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise RunnerFailure(f"{text!r} is no number of seconds.") from None


def parse_components(text: str) -> list[int]:
    """Read a list like ``5-9,12``; doubles are dropped.

    Raises
    ------
    RunnerFailure
        It is no such list.
    """
    components: dict[int, None] = {}
    try:
        for part in _parts(text):
            first, dash, last = part.partition("-")
            components.update(dict.fromkeys(range(int(first), int(last if dash else first) + 1)))
    except ValueError:
        raise RunnerFailure(f"{text!r} is no list of components like 5-9,12.") from None
    return list(components)


def _parts(text: str) -> list[str]:
    """The parts of a list; HTMap separates them by ``+``, which no submit language takes for anything else."""
    return text.replace("+", ",").split(",")


def _dispatch(arguments: list[str]) -> int:
    match arguments:
        case ["run", *options]:
            from .keeper import Keeper  # noqa: PLC0415 - the other commands do without

            exit_code = Keeper(parse_task(options)).run()
            # All is written. To take the interpreter apart in good order would only take time, for each job.
            os._exit(exit_code)
        case ["fork-server"]:
            from .fork_server import serve  # noqa: PLC0415 - as above

            serve(main)
        case ["--self-test"]:
            from .self_test import run_self_test  # noqa: PLC0415 - as above

            sys.stdout.write(run_self_test() + "\n")
        case ["--version"]:
            sys.stdout.write(f"htmap-exec {__version__}\n")
        case ["--wire-format"]:
            from htmap_common.wire.framing import FORMAT  # noqa: PLC0415 - as above

            sys.stdout.write(f"{FORMAT}\n")
        case ["--help" | "-h"]:
            sys.stdout.write(_HELP)
        case _:
            raise RunnerFailure("Say what to do. Try: htmap-exec --help")
    return 0
