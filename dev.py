"""The two commands of the README, and what a developer needs besides.

    python3 dev.py example              run the main job on this machine; HTCondor is not needed
    python3 dev.py test                 run every check and every test
    python3 dev.py test --quick         ... only the unit tests, which start no process
    python3 dev.py test --containers    ... only the deliveries, on a pool with docker and apptainer
    python3 dev.py test PATH...         ... only these; options of pytest may follow
    python3 dev.py lint                 ... only what reads the code: ruff, mypy, import contracts
    python3 dev.py format               put the code into its form
    python3 dev.py docs                 build the documentation into dist/docs
    python3 dev.py release --check      build all that is published into dist/release, and try it: see RELEASING.md
    python3 dev.py release --wheels     build the wheels alone, into containers/wheels, for images
    python3 dev.py benchmark [NAME...]  measure HTMap beside what it is held against: see benchmarks/README.md
    python3 dev.py pool start|stop|status [SUITE]    a personal HTCondor pool, which tests use while it runs

In: Python >= 3.10 and git. Out: an exit code. On the other side: `devloop`, which makes environments in ``.venv``, and
`testbed`, which gets HTCondor. Started by root, tests and pools go on as an ordinary user; root's rights are used to
start a docker of our own, and for nothing else.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent
sys.path.insert(0, str(ROOT / "tools"))

if sys.version_info < (3, 10):  # noqa: UP036 - whoever has an older Python should be told in a sentence
    sys.exit(f"HTMap needs Python 3.10 or newer; this is {sys.version.split()[0]}. Try python3.12 dev.py, for example.")

from devloop import benchmarks, checks, containers, environments, everything  # noqa: E402 - they lie in tools/, and an older Python could not read them
from testbed import __main__ as pool  # noqa: E402
from testbed import ordinary_user  # noqa: E402
from testbed.debian import TestbedError  # noqa: E402


def main(arguments: list[str]) -> int:
    """Do what the command line says; the exit code."""
    commands = {
        "example": _example,
        "test": _test,
        "lint": _lint,
        "format": _format,
        "docs": _docs,
        "release": _release,
        "benchmark": _benchmark,
        "pool": _pool,
    }
    if not arguments or arguments[0] not in commands:
        print(__doc__)
        return 0 if arguments in (["--help"], ["-h"]) else os.EX_USAGE
    _prepare_process()
    try:
        return commands[arguments[0]](arguments[1:])
    except (TestbedError, environments.NoEnvironment) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 128 + signal.SIGINT


def _example(arguments: list[str]) -> int:
    os.environ["HTMAP_BACKEND"] = "local"
    return environments.Environment("example").run("python", "examples/library_survey.py", *arguments)


_QUICK, _CONTAINERS, _ALL_OTHERS = "--quick", "--containers", "--without-containers"


def _test(arguments: list[str]) -> int:
    if arguments[:1] == [_CONTAINERS]:
        return containers.delivery_tests(arguments[1:])
    if not arguments:
        # Both: the one must leave root behind, and the other must not at once.
        command = ordinary_user.command([sys.executable, str(ROOT / "dev.py"), "test", _ALL_OTHERS])
        # It gives its own children that long.
        grace_s = 3 * environments.GRACE_S
        failed = environments.run(command, {**os.environ, **ordinary_user.variables()}, grace_s)
        return containers.delivery_tests([]) or failed
    ordinary_user.leave_root([sys.executable, str(ROOT / "dev.py"), "test", *arguments])
    if arguments == [_ALL_OTHERS]:
        return checks.run_all(everything.everything())
    if arguments[:1] == [_QUICK]:
        return checks.unit_tests(arguments[1:])
    return checks.chosen_tests(arguments)


def _lint(_: list[str]) -> int:
    return checks.lint()


def _format(_: list[str]) -> int:
    return environments.Environment("default").run("format")


def _docs(_: list[str]) -> int:
    return checks.documentation()


def _release(arguments: list[str]) -> int:
    if arguments == ["--wheels"]:
        return environments.Environment("release").run("python", "tools/release", *arguments, "containers/wheels")
    if arguments != ["--check"]:
        print("python3 dev.py release --check, or --wheels. Publishing is for people: see RELEASING.md.")
        return os.EX_USAGE
    ordinary_user.leave_root([sys.executable, str(ROOT / "dev.py"), "release", *arguments])
    return checks.run_all([checks.release()])


def _benchmark(arguments: list[str]) -> int:
    ordinary_user.leave_root([sys.executable, str(ROOT / "dev.py"), "benchmark", *arguments])
    return benchmarks.run(arguments)


def _pool(arguments: list[str]) -> int:
    ordinary_user.leave_root([sys.executable, str(ROOT / "dev.py"), "pool", *arguments])
    return pool.main(arguments)


def _prepare_process() -> None:
    try:
        os.fstat(0)
    except OSError:
        os.open(os.devnull, os.O_RDONLY)  # a closed stdin: else the next file opened would become it
    # Both end this process by way of KeyboardInterrupt, so that what runs below is ended too; a shell that puts
    # a command into the background makes it, and all below it, deaf to Ctrl-C.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
