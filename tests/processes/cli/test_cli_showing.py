"""Mirrors htmap.cli.showing: one map on one screen, and where things lie."""

from __future__ import annotations

import json
from pathlib import Path

from tests.processes.cli.place import Place


def test_a_map_is_shown_on_one_screen(place: Place) -> None:
    place.python("""
options = htmap.MapOptions(request_memory="300MB", custom_options={"ProjectName": '"survey"'}, nice_user=True)
htmap.map(fail, range(6), tag="fail", map_options=options).wait(60, errors_ok=True)
htmap.load("fail").rerun([0])
htmap.load("fail").wait(60, errors_ok=True)
""")
    shown = place.htmap("show", "fail")
    assert len(shown.splitlines()) <= 24
    assert max(map(len, shown.splitlines())) <= 120
    assert shown.startswith("fail: 6 components of fail\n")
    for part in (
        "5 ERRORED, 1 COMPLETED",
        "a request for 300MB",
        'MY.ProjectName = "survey"\n',
        "nice_user = true (for pools: the local backend lets it aside)",
        "local, delivery bundle",
        "htmap 0.",
        "python 3.",
        "6 components in 6 jobs, cluster 1",
        "1 component in 1 job, cluster 2",
        "`htmap errors fail`",
        place.htmap("path", "fail").strip(),
    ):
        assert part in shown
    facts = json.loads(place.htmap("show", "fail", "--json"))
    assert facts["component_statuses"]["ERRORED"] == 5
    assert facts["options"] == {
        "request_memory": "300MB",
        "nice_user": "true",
        "MY.ProjectName": '"survey"',
    }
    assert [each["jobs"] for each in facts["submissions"]] == [6, 1]
    submitted = place.htmap("show", "fail", "--submit")
    assert "request_memory = 300MB\n" in submitted
    assert "queue " in submitted
    assert place.run("show", "fial").code == 3


def test_a_transient_map_says_what_becomes_of_it(place: Place) -> None:
    place.python("htmap.map(double, [1]).wait(60)")
    shown = place.htmap("show", place.htmap("tags").strip())
    assert "`htmap clean` removes it" in shown
    assert "`htmap errors" not in shown


def test_paths_are_printed_for_other_programs(finished: Place) -> None:
    assert (Path(finished.htmap("path", "double").strip()) / "events").exists()
    assert finished.run("path", "doubled").code == 3
    for name in ("map", "tag", "events", "inputs", "outputs", "logs", "submit", "output_files"):
        assert Path(finished.htmap("path", f"double:{name}").strip()).exists() or name == "output_files"
    assert Path(finished.htmap("path", "double:tag").strip()) == finished.htmap_dir / "tags" / "double"
    assert finished.htmap("path", "double:map") == finished.htmap("path", "double")
    ran = finished.run("path", "double:output")
    assert ran.code == 2
    assert "outputs" in ran.err
    ran = finished.run("logs")
    assert (ran.code, ran.out) == (0, f"{finished.htmap_dir}/logs/htmap.log\n")
    assert "htmap set LOG_LEVEL INFO" in ran.err


def test_a_log_is_kept_if_the_setting_asks_for_it(place: Place) -> None:
    log = place.htmap_dir / "logs" / "htmap.log"
    place.python('htmap.map(double, [1], tag="silent").wait(60)')
    assert not log.parent.exists()
    place.htmap("set", "LOG_LEVEL", "info")
    place.python('htmap.map(double, [1], tag="spoken").wait(60)')
    assert place.run("logs").err == ""
    assert "INFO htmap.lifecycle.new_map: Created map spoken with 1 components" in log.read_text()
    assert place.htmap("logs", "--view") == f"{log.read_text()}\n"
    assert log.parent.stat().st_mode & 0o777 == 0o700
