"""The tests of deliveries, on one pool that offers container runtimes.

In: this machine, and root's rights if they are there. Out: an exit code, after lines that say what could not be tested.
On the other side: `testbed.docker` and `testbed.apptainer`, and pytest as an ordinary user.

Root is needed for one thing, to start a docker of our own; it ends with the tests. An ordinary user tests with the
docker that they may use already, if they may.
"""

from __future__ import annotations

import os
import pwd
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from devloop.environments import ROOT, Environment, run, variables
from devloop.saying import had, say
from testbed import apptainer, cache, condor, docker, ordinary_user, root_filesystem, runtimes
from testbed.debian import DownloadFailed, TestbedError

TESTS = "tests/integration/test_delivery_{}.py"
_ALWAYS = ("transplant",)
_RUNTIMES = ("docker", "apptainer")
SUBJECTS = (*_ALWAYS, *_RUNTIMES)
"""What `TESTS` has a file for."""

# For a real account the cache of root is out of reach; what lies here can be read by everybody.
_ROOTS_CACHE = Path("/var/cache")


def delivery_tests(arguments: list[str]) -> int:
    """Run the tests of deliveries with the runtimes that there are; arguments of pytest's may be given."""
    Environment("default")  # made, if it was not there
    with ExitStack() as stack:
        temporary = Path(tempfile.mkdtemp(prefix="htmap-"))
        stack.callback(shutil.rmtree, temporary, ignore_errors=True)
        if os.geteuid() == 0:
            stack.enter_context(_roots_cache())
            os.chown(temporary, ordinary_user.ORDINARY_ID, ordinary_user.ORDINARY_ID)
        names = _enter_runtimes(stack)
        files = [TESTS.format(name) for name in (*_ALWAYS, *names)]
        if any(Path(ROOT, argument.partition("::")[0]).exists() for argument in arguments):
            files = []
        say(f"Deliveries, with {', '.join(names) or 'no container runtime'}")
        command = [str(ROOT / ".venv/environments/default/bin/python"), "-m", "pytest", "-p", "no:cacheprovider"]
        options = ["--backend=htcondor", "-n", "3", "--dist=loadfile", *arguments, *files]
        # A folder of their own: that of other test runs belongs to another user.
        settings = {runtimes.VARIABLE: ",".join(names), "TMPDIR": str(temporary), **ordinary_user.variables()}
        return run(ordinary_user.real_command([*command, *options]), {**variables(), **settings})


@contextmanager
def _roots_cache() -> Iterator[None]:
    """A cache that the ordinary user can read, with the one folder that it may write: for pools."""
    before = os.environ.get("XDG_CACHE_HOME")
    os.environ["XDG_CACHE_HOME"] = str(_ROOTS_CACHE)
    try:
        cache.cache_folder().chmod(0o755)
        pools = cache.cache_folder() / "pools"
        pools.mkdir(exist_ok=True)
        os.chown(pools, ordinary_user.ORDINARY_ID, ordinary_user.ORDINARY_ID)
        condor.find_or_install()
        yield
    finally:
        if before is None:
            del os.environ["XDG_CACHE_HOME"]
        else:
            os.environ["XDG_CACHE_HOME"] = before


def _enter_runtimes(stack: ExitStack) -> list[str]:
    """Put the runtimes on PATH for the time of the stack; their names."""
    if had("containers, for want of a base image with this version of Python", _base_image) is None:
        return []
    found = {"docker": had("docker", lambda: _docker(stack))}
    found["apptainer"] = had("apptainer", _apptainer, excused=DownloadFailed)
    for folder in found.values():
        if folder is not None:
            os.environ["PATH"] = f"{folder}{os.pathsep}{os.environ['PATH']}"
    return [name for name in _RUNTIMES if found[name] is not None]


def _base_image() -> Path | None:
    """The one with our Python, if Debian has it. The others are had then, too."""
    base = root_filesystem.with_python()
    if base is not None:
        root_filesystem.without_python()
        root_filesystem.with_other_python()
    return base


def _apptainer() -> Path:
    """The folder of an apptainer program that builds images for the ordinary user."""
    if not ordinary_user.can_make_namespaces():
        raise TestbedError("It needs user namespaces, and none can be made here.")
    user = pwd.getpwuid(os.geteuid()).pw_name
    subordinate = Path("/etc/subuid")
    is_listed = subordinate.exists() and f"\n{user}:" in f"\n{subordinate.read_text(encoding='utf-8')}"
    # For who is not listed there, and for the account that root's tests run as, it finds another way.
    if os.geteuid() != 0 and is_listed and shutil.which("newuidmap") is None:
        raise TestbedError(
            f"It builds no images for {user}, who is listed in {subordinate}, without the program newuidmap: "
            "have the package uidmap installed."
        )
    return apptainer.find_or_install()


def _docker(stack: ExitStack) -> Path | None:
    """The folder of a docker program that works for the ordinary user."""
    if os.geteuid() == 0:
        os.environ["DOCKER_HOST"] = stack.enter_context(docker.running(ordinary_user.ORDINARY_ID))
        return docker.prefix() / "bin"
    program = shutil.which("docker")
    return Path(program).parent if program and docker.works(program) else None
