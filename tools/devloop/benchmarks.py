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
# Those that need a pool, and what it is like: as HTCondor comes, or hurried as for the tests.
_POOLS = {"creation": ("hurried",), "pool": ("as it comes", "hurried")}


def run(names: list[str]) -> int:
    """Run the benchmarks of these names, or all."""
    known = sorted(path.stem.removeprefix("bench_") for path in _FOLDER.glob("bench_*.py"))
    unknown = [name for name in names if name not in known]
    if unknown:
        print(f"There is no benchmark {unknown[0]!r}. There are: {', '.join(known)}.")
        return os.EX_USAGE
    environment = Environment("benchmarks")
    failed = 0
    with tempfile.TemporaryDirectory(prefix="htmap-home-") as home:
        # So neither ~/.htmaprc nor ~/.condor of who measures has a say.
        os.environ["XDG_CACHE_HOME"] = str(cache.cache_folder().parent)
        os.environ["HOME"] = home
        for name in names or known:
            for kind in _POOLS.get(name, (None,)):
                failed |= _run(environment, name, kind)
    return failed


def _run(environment: Environment, name: str, pool_kind: str | None) -> int:
    script = f"benchmarks/bench_{name}.py"
    with contextlib.ExitStack() as at_end:
        title = script
        if pool_kind:
            title += f", HTCondor {pool_kind}"
            found = at_end.enter_context(pool.running(shared=False, hurried=pool_kind == "hurried"))
            os.environ["CONDOR_CONFIG"] = str(found.config)
            at_end.callback(os.environ.pop, "CONDOR_CONFIG")
        return checks.run_all([checks.Check(title, environment, ("python", script))])
