"""What the documentation shows is what happens."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from tests.docs.page import ROOT, Block, Kind, blocks, pages
from tests.docs.session import Difference, Session, agree, commands

_RUN = {Kind.PYTHON, Kind.CONSOLE}
# It makes an environment and installs into it: tests.docs.test_first_steps.
_ELSEWHERE = {"docs/first-steps.md"}

each_page = pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))


def pages_that_run() -> list[Path]:
    return [page for page in pages() if str(page.relative_to(ROOT)) not in _ELSEWHERE and runs(page)]


def runs(page: Path) -> bool:
    return any(block.kind in _RUN for block in blocks(page))


@pytest.fixture
def queue(request: pytest.FixtureRequest, backend: str) -> dict[str, str]:
    """The variables that choose what the maps of a page run on."""
    if backend == "htcondor":
        request.getfixturevalue("pool")
        return {"HTMAP_BACKEND": backend, "CONDOR_CONFIG": os.environ["CONDOR_CONFIG"]}
    return {"HTMAP_BACKEND": backend}


@pytest.mark.timeout(240)
@pytest.mark.parametrize("page", pages_that_run(), ids=lambda page: str(page.relative_to(ROOT)))
def test_the_code_of_a_page_prints_what_the_page_shows(
    page: Path, tmp_path: Path, queue: dict[str, str], request: pytest.FixtureRequest
) -> None:
    with Session(tmp_path, queue) as session:
        differences = list(session.differences(page, blocks(page)))
        session.run_command("python -c 'import htmap; htmap.clean(all=True)'")
    if request.config.getoption("--accept", default=False):
        accept(page, [each for each in differences if each.text is not None])
        differences = [each for each in differences if each.text is None]
    assert not differences, "\n\n".join(told(page, each) for each in differences)


def test_no_two_pages_use_one_tag() -> None:
    # Who follows them one after another, with one HTMAP_DIR, is not to meet TagAlreadyExists.
    used: dict[str, set[str]] = {}
    for page in pages():
        for block in blocks(page):
            for tag in re.findall(r'\btag="([^"]+)"', block.text):
                used.setdefault(tag, set()).add(str(page.relative_to(ROOT)))
    assert len(used) > 10
    assert {tag: sorted(found) for tag, found in used.items() if len(found) > 1} == {}


def accept(page: Path, differences: list[Difference]) -> None:
    lines = page.read_text(encoding="utf-8").splitlines(keepends=True)
    for each in sorted(differences, key=lambda each: -each.block.line):
        start = each.block.line - 1
        lines[start : start + each.block.lines] = (each.text or "").splitlines(keepends=True)
    page.write_text("".join(lines), encoding="utf-8")


def told(page: Path, difference: Difference) -> str:
    block = difference.block
    where = f"{page.relative_to(ROOT)}, line {block.line}:"
    if difference.text is None:
        return f"{where} this block {difference.said}"
    return f"{where} the page shows\n{block.text}\nbut this is printed:\n{difference.said}"


@each_page
def test_every_block_runs_or_says_why_not(page: Path) -> None:
    mistakes = [block for block in blocks(page) if block.kind in {Kind.UNMARKED, Kind.INDENTED}]
    assert not mistakes, f"lines {[block.line for block in mistakes]}: see tests/docs/page.py for what a block can be"


@each_page
def test_an_output_follows_what_prints_it(page: Path) -> None:
    kinds = [block.kind for block in blocks(page)]
    for before, kind in zip([None, *kinds], kinds, strict=False):
        assert kind is not Kind.OUTPUT or before is Kind.PYTHON


def test_a_difference_is_seen(tmp_path: Path) -> None:
    wrong = [
        Block(Kind.PYTHON, "print(1)\n", 1),
        Block(Kind.OUTPUT, "2\n", 2),
        Block(Kind.PYTHON, "print('not shown')\n", 3),
        Block(Kind.PYTHON, "1 / 0\n", 4),
        Block(Kind.CONSOLE, "$ echo one\ntwo\n", 5),
    ]
    right = [
        Block(Kind.FILE, "x = 3\n", 6, "module.py"),
        Block(Kind.PYTHON, "import module\nprint(module.x)\n", 7),
        Block(Kind.OUTPUT, "3\n", 8),
        Block(Kind.CONSOLE, "$ cat module.py; export A=4\nx = ...\n$ echo $A\n4\n", 9),
    ]
    with Session(tmp_path) as session:
        found = {each.block.line: each.text for each in session.differences(ROOT / "page.md", [*wrong, *right])}
    assert found == {2: "1\n", 3: None, 4: None, 5: "$ echo one\none\n"}


def test_dots_stand_for_anything() -> None:
    assert agree("a ... c\n", "a b c\n")
    assert not agree("a ... c\n", "a b d\n")
    assert not agree("", "a\n")


def test_how_long_something_took_is_free() -> None:
    assert agree("4/4 0:00:01\n", "4/4 0:00:12\n")
    assert not agree("4/4 0:00:01\n", "3/4 0:00:01\n")


def test_a_command_may_go_on() -> None:
    assert list(commands("$ for x in 1; do\n> echo $x\n> done\n1\n$ true\n")) == [
        ("$ for x in 1; do\n> echo $x\n> done\n", "for x in 1; do\necho $x\ndone"),
        ("$ true\n", "true"),
    ]


def test_pages_name_no_environment_of_the_test(tmp_path: Path) -> None:
    with Session(tmp_path) as session:
        assert session.run_command("pwd; ls -A") == f"{os.path.realpath(session.here)}\n"
