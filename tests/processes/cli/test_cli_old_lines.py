"""Every command and option of the HTMap before this one works, or is answered with today's: as the page says."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import tarfile
from collections.abc import Iterator

import pytest
from tests.docs.tables import OLD_TOOL, codes, rows
from tests.processes.cli.place import TIMEOUT_S, Place, made

ROWS = rows(OLD_TOOL, "The command line")

MAPS = """
from pathlib import Path
gate = str(Path(__file__).with_name("gate"))
for tag in ("fit", "fit-2", "draft"):
    htmap.map(double, range(4), tag=tag).wait(60)
htmap.map(fail, range(6), tag="fail").wait(60, errors_ok=True)
htmap.map(wait_for, [gate], tag="slow")
"""


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    """Maps with the tags that the page uses; the rows change them, in their order."""
    with made() as filled:
        filled.python(MAPS)
        pack_transplant(filled)
        program = filled.folder / "bin" / "htmap"
        program.parent.mkdir()
        program.write_text(f'#!/bin/sh\nexec {sys.executable} -m htmap "$@"\n')
        program.chmod(0o755)
        yield filled


def pack_transplant(place: Place) -> None:
    """What `transplants remove` can remove."""
    folder = place.htmap_dir / "transplants"
    folder.mkdir()
    described = json.dumps({"created": 1_700_000_000, "packages": ["numpy==2.0"]}).encode()
    with tarfile.open(folder / "transplant-0a1b.tar.gz", "w:gz") as archive:
        entry = tarfile.TarInfo("transplant.json")
        entry.size = len(described)
        archive.addfile(entry, io.BytesIO(described))


def shell(place: Place, line: str) -> subprocess.CompletedProcess[str]:
    """A line as somebody types it."""
    path = f"{place.folder / 'bin'}{os.pathsep}{place.environment['PATH']}"
    return subprocess.run(
        ["/bin/sh", "-c", line],
        env={**place.environment, "PATH": path},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=TIMEOUT_S,
    )


@pytest.mark.parametrize(("before", "now"), ROWS, ids=[before.strip("`") for before, _ in ROWS])
def test_an_old_line_works_or_is_answered_with_that_of_today(before: str, now: str, place: Place) -> None:
    (line,) = codes(before)
    ran = shell(place, line)
    if now.startswith(("the same", "works")):
        assert ran.returncode == 0, ran
    else:
        assert ran.returncode == 2, ran
        today = codes(now)[0]
        said = {word for word in today.split() if word not in line.split()}
        assert any(word in ran.stderr for word in said) or "Which maps? Give tags" in ran.stderr, ran
    for today in (each for each in codes(now) if each.startswith("htmap ") and " fail" not in line):
        assert shell(place, today).returncode == 0, today


@pytest.mark.parametrize(
    "command",
    [
        "tags",
        "status",
        "wait",
        "hold",
        "release",
        "pause",
        "resume",
        "vacate",
        "reasons",
        "stdout",
        "stderr",
        "errors",
        "components",
        "rerun",
        "retag",
        "remove",
        "clean",
        "version",
        "settings",
        "set",
        "transplants",
        "edit",
        "path",
        "logs",
        "autocompletion",
    ],
)
def test_the_page_has_every_command_of_the_old_tool(command: str) -> None:
    assert any(f"htmap {command}" in before or f"htmap -v {command}" in before for before, _ in ROWS)


LISTS = """
import json
folder = Path(__file__).parent
for name in ("fixed.txt", "each.txt", "data/in/a.csv"):
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).touch()


def listed(path):
    Path("back.txt").touch()
    htmap.transfer_output_files("back.txt")
    return [str(path), *(str(each.relative_to(Path.cwd())) for each in Path.cwd().rglob("*"))]


options = htmap.MapOptions(fixed_input_files=folder / "fixed.txt", input_files=[folder / "each.txt"])
m = htmap.map(listed, [htmap.TransferPath(folder / "data/in/a.csv")], map_options=options, tag="listed", quiet=True)
print(json.dumps(m.get(0, 60)))
"""


def test_files_of_a_component_are_where_the_page_says(place: Place) -> None:
    path, *found = json.loads(place.python(LISTS))
    on_the_node = [row for row in rows(OLD_TOOL, "Where files are") if row[0].startswith(("`", "a file", "what HTMap"))]
    now = {what: codes(now)[0].rstrip("/") for what, _, now in on_the_node}
    assert len(now) == 5
    for place_now in now.values():
        assert any(each == place_now or each.endswith(f"/{place_now}") for each in found), place_now
    assert path.endswith("/data/in/a.csv")
    assert "_htmap_transfer/0/back.txt" in found
