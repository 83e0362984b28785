"""Mirrors htmap.delivery.environment, .transplants and .transplant: the running Python, packed, runs elsewhere."""

from __future__ import annotations

import datetime as dt
import gzip
import json
import os
import shutil
import stat
import subprocess
import sys
import tarfile
from importlib.metadata import version
from pathlib import Path

import pytest
from tests.virtual_environment import make_virtual_environment

import htmap
from htmap.delivery import environment, transplant, transplants
from htmap.delivery.environment import Environment
from htmap.exceptions import CannotTransplantPython, DamagedFile, StorageError
from htmap.settings import Settings
from htmap.store.mapdir import Home

PACK = """
import sys, htmap
from htmap.delivery import environment, transplants
htmap.settings["HTMAP_DIR"] = sys.argv[1]
found = environment.running()
transplants.make(found)
print(htmap.transplants()[0].path)
"""

LOOK = """
import json, os, ssl, subprocess, sys
import htmap, htmap_exec, tinted
child = [sys.executable, "-c", "import os, sys; print(sys.prefix); print(os.environ.get('LD_LIBRARY_PATH'))"]
print(json.dumps({
    "prefixes": [sys.prefix, sys.base_prefix, sys.exec_prefix],
    "files": [htmap.__file__, htmap_exec.__file__, tinted.__file__, ssl.__file__],
    "executable": sys.executable,
    "library_path": os.environ.get("LD_LIBRARY_PATH"),
    "child": subprocess.run(child, capture_output=True, text=True, check=True).stdout.splitlines(),
}))
"""


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The archive of a virtual environment that is not there any more."""
    folder = tmp_path_factory.mktemp("user") / "env"
    python = make_virtual_environment(folder)
    packages = next(folder.glob("lib/python3*/site-packages"))
    project = folder.parent / "project"
    (project / "tinted").mkdir(parents=True)
    (project / "tinted/__init__.py").write_text("COLOUR = 'blue'\n")
    (project / ".git").mkdir()
    (project / ".git/large").write_text("x")
    (packages / "__editable___tinted_0_1_finder.py").write_text(
        f"MAPPING: dict[str, str] = {{'tinted': {str(project / 'tinted')!r}}}\ndef install():\n    pass\n"
    )
    (packages / "__editable__.tinted-0.1.pth").write_text(
        "import __editable___tinted_0_1_finder; __editable___tinted_0_1_finder.install()\n"
    )
    done = subprocess.run(
        [python, "-c", PACK, folder.parent / "htmap"], capture_output=True, text=True, check=False, cwd=folder.parent
    )
    assert done.returncode == 0, done.stderr
    shutil.rmtree(folder)
    shutil.rmtree(project)
    return Path(done.stdout.strip())


def unpack(archive: Path, scratch: Path) -> subprocess.CompletedProcess[str]:
    """Run the script of the job with the archive, and LOOK in the place of the runner."""
    shutil.copy(archive, scratch / archive.name)
    script = transplant.SCRIPT.replace("-m htmap_exec", "look.py")
    (scratch / "look.py").write_text(LOOK)
    return subprocess.run(
        ["/bin/sh", "-c", script, "sh", archive.name],
        cwd=scratch,
        env={"PATH": "/usr/bin:/bin", "LD_LIBRARY_PATH": "/outer"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_an_environment_runs_where_its_place_is_gone(packed: Path, tmp_path: Path) -> None:
    scratch = tmp_path / "with space"
    scratch.mkdir()
    done = unpack(packed, scratch)
    assert done.returncode == 0, done.stderr
    looked = json.loads(done.stdout)
    top = scratch / "_htmap_python"
    # Python 3.10 spells the second by way of the first.
    prefixes = [os.path.normpath(path) for path in looked["prefixes"]]
    assert prefixes == [str(top / "env"), str(top / "base"), str(top / "env")]
    assert all(Path(file).is_relative_to(top) for file in looked["files"]), looked["files"]
    assert looked["executable"] == str(top / "python")
    assert looked["library_path"] == "/outer"
    assert looked["child"] == [str(top / "env"), "/outer"]
    assert not (scratch / packed.name).exists(), "the disk of the node is not ours alone"


def test_what_an_editable_install_points_to_is_inside_without_what_is_no_code(packed: Path) -> None:
    with tarfile.open(packed) as archive:
        names = archive.getnames()
        owners = {(entry.uid, entry.uname) for entry in archive.getmembers()}
    assert any(name.endswith("/tinted/__init__.py") for name in names)
    assert not any(".git" in name.split("/") for name in names)
    assert not any("/test/" in name and name.startswith("base/") for name in names)
    compiled = [name for name in names if name.endswith(".pyc")]
    assert compiled
    assert all(name.endswith(f".{sys.implementation.cache_tag}.pyc") for name in compiled)
    assert owners == {(0, "")}


def test_libraries_of_the_machine_are_inside_but_not_those_of_the_c_library(packed: Path) -> None:
    said = subprocess.run(["ldd", os.path.realpath(sys.executable)], capture_output=True, text=True, check=True).stdout
    needed = {line.split()[0] for line in said.splitlines() if "=> /" in line}
    with tarfile.open(packed) as archive:
        names = {name.removeprefix("libs/") for name in archive.getnames() if name.startswith("libs/")}
    assert needed - names <= {"libc.so.6", "libm.so.6", "libdl.so.2", "libpthread.so.0", "libutil.so.1", "librt.so.1"}
    assert "libc.so.6" not in names
    assert any(name.startswith("libssl.so") for name in names)


def test_an_archive_that_is_damaged_is_named_on_the_node(packed: Path, tmp_path: Path) -> None:
    short = tmp_path / packed.name
    short.write_bytes(packed.read_bytes()[:1000])
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    done = unpack(short, scratch)
    assert done.returncode == 104
    assert "cannot be unpacked" in done.stderr


def test_a_transplant_knows_what_it_is(packed: Path) -> None:
    found = htmap.Transplant.load(packed)
    assert found.path == packed
    assert packed.name == f"transplant-{found.hash}.tar.gz"
    assert found.size == packed.stat().st_size
    assert f"cloudpickle=={version('cloudpickle')}" in found.packages
    assert dt.timedelta(0) <= dt.datetime.now().astimezone() - found.created < dt.timedelta(hours=1)
    assert stat.S_IMODE(packed.stat().st_mode) == 0o600


def small(text: str = "x = 1\n") -> Environment:
    """An environment that is quick to pack."""
    place = f"base/lib/python3.{sys.version_info.minor}/site-packages"
    found = Environment(texts={f"{place}/_htmap_local.pth": "", f"{place}/one.py": text}, packages=("one==1",))
    found.digest = environment._digest(found)
    return found


def test_transplants_are_listed_and_removed(own_settings: Settings, tmp_path: Path) -> None:
    own_settings["TRANSPLANT.DIR"] = str(tmp_path / "kept")
    assert htmap.transplants() == ()
    assert htmap.transplant_info() == f"There are no transplant installs in {tmp_path / 'kept'}."
    for text in ("x = 1\n", "x = 2\n"):
        transplants.make(small(text))
    (tmp_path / "kept/transplant-00.tar.gz").write_bytes(b"damaged")
    one, two = htmap.transplants()
    assert one.created <= two.created
    assert {one.hash, two.hash} == {small("x = 1\n").digest, small("x = 2\n").digest}
    lines = htmap.transplant_info().splitlines()
    assert lines[0].split() == ["Hash", "Size", "(MB)", "Created", "Packages"]
    assert [line.split()[0] for line in lines[1:]] == [one.hash, two.hash]
    one.remove()
    one.remove()
    assert htmap.transplants() == (two,)


def test_it_is_made_once(own_settings: Settings) -> None:
    transplants.make(small())
    path = transplants.folder() / transplants.archive_name(small().digest)
    before = path.stat()
    transplants.make(small())
    assert path.stat().st_ino == before.st_ino
    assert path.parent == Home.of(own_settings).transplants
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


TWO_AT_ONCE = """
import sys, time, htmap
from htmap.delivery import environment, transplants
htmap.settings["HTMAP_DIR"] = sys.argv[1]
slow = transplants._pack
def pack(found, stream):
    print("packing", flush=True)
    slow(found, stream)
    sys.stdin.readline()
transplants._pack = pack
found = environment.Environment(texts={"base/_htmap_local.pth": ""}, digest="0a")
print("ready", flush=True)
transplants.make(found)
print("done", flush=True)
"""


def test_two_processes_that_want_the_same_make_it_once(tmp_path: Path) -> None:
    command = [sys.executable, "-c", TWO_AT_ONCE, str(tmp_path)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, **pipes) as first:  # type: ignore[call-overload]
        assert [first.stdout.readline(), first.stdout.readline()] == ["ready\n", "packing\n"]
        assert not list(tmp_path.glob("transplants/transplant-*")), "half an archive can be seen"
        with subprocess.Popen(command, **pipes) as second:  # type: ignore[call-overload]
            assert second.stdout.readline() == "ready\n"
            first.stdin.write("\n")
            first.stdin.flush()
            assert first.stdout.readline() == "done\n"
            assert second.stdout.readline() == "done\n"
            second.stdin.close()
        first.stdin.close()
    assert len(list(tmp_path.glob("transplants/transplant-*"))) == 1


def test_what_a_killed_process_left_is_swept_up(own_settings: Settings) -> None:
    folder = Home.of(own_settings).transplants
    folder.mkdir()
    (folder / f".{transplants.archive_name(small().digest)}.0123").write_bytes(b"half")
    transplants.make(small())
    assert sorted(path.name for path in folder.iterdir()) == ["lock", transplants.archive_name(small().digest)]


def test_a_folder_that_cannot_be_written_is_named(own_settings: Settings, tmp_path: Path) -> None:
    tmp_path.joinpath("kept").mkdir(mode=0o500)
    own_settings["TRANSPLANT.DIR"] = str(tmp_path / "kept")
    with pytest.raises(StorageError, match="Cannot make the transplant install"):
        transplants.make(small())


@pytest.mark.parametrize("content", [b"", b"no archive", gzip.compress(b"no tar", mtime=0)])
def test_what_is_no_transplant_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "transplant-0a.tar.gz"
    path.write_bytes(content)
    with pytest.raises(DamagedFile, match=f"{path} is no transplant install"):
        htmap.Transplant.load(path)


def test_the_digest_names_the_content(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).write_text("x = 1\n")
    os.utime(tmp_path / "two", (1, 1))
    one, two = (Environment(files={"base/x.py": tmp_path / name}) for name in ("one", "two"))
    assert environment._digest(one) == environment._digest(two)
    (tmp_path / "two").write_text("x = 2\n")
    assert environment._digest(one) != environment._digest(two)
    assert environment._fingerprint(one) != environment._fingerprint(two)


@pytest.mark.parametrize(("prefix", "base"), [("/usr", "/usr"), ("/", "/")])
def test_the_python_of_the_system_is_refused(prefix: str, base: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "prefix", prefix)
    monkeypatch.setattr(sys, "base_prefix", base)
    with pytest.raises(CannotTransplantPython, match=r"Python of the operating system.*Make a virtual environment"):
        environment.running()


def test_a_virtual_environment_on_the_python_of_the_system_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "prefix", "/home/me/env")
    monkeypatch.setattr(sys, "base_prefix", "/usr")
    environment.check()


def test_another_system_than_linux_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(CannotTransplantPython, match="darwin"):
        environment.check()


@pytest.fixture
def _small_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "running", small)


@pytest.mark.usefixtures("_small_environment")
def test_jobs_get_the_archive_from_where_the_settings_say(own_settings: Settings, home: Home) -> None:
    name = transplants.archive_name(small().digest)
    map_dir = home.map("0a1b")
    found = transplant.descriptors("t", map_dir.path)
    assert found["transfer_input_files"] == str(home.transplants / name)
    assert found["arguments"] == f'"{name} $(runner_arguments)"'
    assert found["request_disk"] == "1048576 KB"
    own_settings["TRANSPLANT.ALTERNATE_INPUT_PATH"] = "osdf:///example/transplants/"
    assert transplant.descriptors("t", map_dir.path)["transfer_input_files"] == f"osdf:///example/transplants/{name}"


@pytest.mark.usefixtures("_small_environment")
def test_an_archive_that_is_said_to_exist_is_not_made(own_settings: Settings, home: Home) -> None:
    own_settings["TRANSPLANT.ASSUME_EXISTS"] = True
    transplant.set_up("t", home.staging("0a1b").path)
    assert htmap.transplants() == ()
    own_settings["TRANSPLANT.ASSUME_EXISTS"] = False
    transplant.set_up("t", home.staging("0a1b").path)
    assert len(htmap.transplants()) == 1
