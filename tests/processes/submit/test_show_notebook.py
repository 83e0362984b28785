"""Maps in a notebook: cells that a real kernel runs, on the local backend."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nbclient
import nbformat
import pytest

SET_UP = """\
import htmap
htmap.settings["HTMAP_DIR"] = {home!r}
htmap.settings["BACKEND"] = "local"
"""


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A function that runs cells and gives the outputs of each."""
    for variable in ("IPYTHONDIR", "JUPYTER_RUNTIME_DIR", "JUPYTER_CONFIG_DIR", "HOME"):
        monkeypatch.setenv(variable, str(tmp_path / variable))

    def run_all(*cells: str) -> list[list[Any]]:
        set_up = SET_UP.format(home=str(tmp_path / "home"))
        sources = [set_up, *cells, "htmap.clean(all=True)"]
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources])
        nbclient.NotebookClient(notebook, timeout=120, allow_errors=True, kernel_name="python3").execute()
        return [cell.outputs for cell in notebook.cells[1:-1]]

    return run_all


def test_a_map_and_its_bar_are_html_and_its_results_are_there(run: Any) -> None:
    waited, shown, results = run(
        "m = htmap.map(lambda x: x + 1, range(3), tag='<fit>'[1:4])\nm.wait(show_progress_bar=True)",
        "m",
        "list(m)",
    )
    bars = [output.data["text/html"] for output in waited if output.output_type == "display_data"]
    assert len(bars) == 1  # changed in place
    assert "<b>fit</b>" in bars[0]
    assert "3 completed" in bars[0]
    assert [output.output_type for output in waited] == ["stream", "display_data"]  # no warnings, nothing on stderr
    assert "3 components of <code>&lt;lambda&gt;</code>" in shown[0].data["text/html"]
    assert results[0].data["text/plain"] == "[1, 2, 3]"


def test_an_error_report_shows_the_line_of_the_cell(run: Any) -> None:
    cell = "def invert(x):\n    return 1 / x\nm = htmap.map(invert, [1, 0], quiet=True)\nm.wait(errors_ok=True)"
    _, report, error = run(cell, "print(m.errors[1].report())", "m[1]")
    assert "in invert\n    return 1 / x\n" in report[0].text
    assert error[0].ename == "MapComponentError"
    assert "return 1 / x" in error[0].evalue


def test_cells_of_an_asynchronous_notebook_can_wait_for_maps(run: Any) -> None:
    (results,) = run("import asyncio\nawait asyncio.sleep(0)\nlist(htmap.map(abs, [-1, 2], quiet=True))")
    assert results[0].data["text/plain"] == "[1, 2]"
