"""``python -m testbed start|stop|status [SUITE]``: a pool to work with by hand."""

from __future__ import annotations

import argparse
import os
import sys

from testbed import ordinary_user, pool
from testbed.debian import TestbedError


def main(arguments: list[str]) -> int:
    """Do what the command line says, as an ordinary user; the exit code."""
    parser = argparse.ArgumentParser(prog="pool", description="A personal HTCondor pool to work with.")
    parser.add_argument("what", choices=["start", "stop", "status"])
    parser.add_argument("suite", nargs="?", help="a suite of Debian to take HTCondor from, for example sid")
    options = parser.parse_args(arguments)
    try:
        return {"start": _start, "stop": _stop, "status": _status}[options.what](options.suite)
    except TestbedError as error:
        print(error, file=sys.stderr)
        return 1


def _start(suite: str | None) -> int:
    found = pool.start_kept(suite)
    print(f"export CONDOR_CONFIG={found.config}")
    print(f"# HTCondor {found.condor.version()}; tests use this pool while it runs", file=sys.stderr)
    return 0


def _stop(suite: str | None) -> int:
    print("stopped" if pool.stop_kept(suite) else "no pool is running")
    return 0


def _status(suite: str | None) -> int:
    found = pool.find_kept(suite)
    if found is None:
        print("no pool is running")
        return os.EX_UNAVAILABLE
    print(f"HTCondor {found.condor.version()}, CONDOR_CONFIG={found.config}")
    print(found.run("condor_status"), found.run("condor_q", "-nobatch"), sep="\n")
    return 0


if __name__ == "__main__":
    ordinary_user.leave_root(sys.orig_argv)
    sys.exit(main(sys.argv[1:]))
