"""Run the benchmarks, one after another.

In: names of files in ``benchmarks/`` without ``bench_``; none: all of them. Out: what they print; 0, or 1 after the
names of those that failed. On the other side: `testbed`, whose pool those use that name one.
"""

from __future__ import annotations

import contextlib
import os
import tempfile

from devloop import checks
from devloop.environments import ROOT, Environment
from testbed import cache, pool

_FOLDER = ROOT / "benchmarks"
_ON_A_POOL = frozenset({"creation", "pool"})


def run(names: list[str]) -> int:
    """Run the benchmarks of these names, or all."""
    known = sorted(path.stem.removeprefix("bench_") for path in _FOLDER.glob("bench_*.py"))
    unknown = [name for name in names if name not in known]
    if unknown:
        print(f"There is no benchmark {unknown[0]!r}. There are: {', '.join(known)}.")
        return os.EX_USAGE
    chosen = names or known
    environment = Environment("benchmarks")
    with contextlib.ExitStack() as at_end:
        # So neither ~/.htmaprc nor ~/.condor of who measures has a say.
        os.environ["XDG_CACHE_HOME"] = str(cache.cache_folder().parent)
        os.environ["HOME"] = at_end.enter_context(tempfile.TemporaryDirectory(prefix="htmap-home-"))
        if _ON_A_POOL.intersection(chosen):
            os.environ["CONDOR_CONFIG"] = str(at_end.enter_context(pool.running(shared=False)).config)
        commands = [("python", f"benchmarks/bench_{name}.py") for name in chosen]
        return checks.run_all(checks.Check(command[1], environment, command) for command in commands)
