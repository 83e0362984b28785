"""Sound files of each kind, from a real map."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

import htmap
from htmap.exceptions import HTMapException
from htmap.observe import snapshot
from htmap.observe.events import EventLog
from htmap.observe.fold import JobTable, MapState, fold
from htmap.store.mapdir import Home
from htmap.store.records import SubmissionRecord

TAG = "sample"


class Sample(NamedTuple):
    """A file, and which reader it is for."""

    kind: str
    path: Path
    is_wire: bool


def work(number: int, path: os.PathLike[str]) -> object:
    """Return, print, send something back, raise."""
    print(f"working on {number}")
    Path(f"{number}.txt").write_text(Path(path).read_text())
    htmap.transfer_output_files(f"{number}.txt")
    if number % 3 == 1:
        raise ValueError(f"{number} is too much")
    return {"number": number, "more": list(range(number))}


def make(folder: Path) -> Home:
    """Run a map in a new HTMAP_DIR."""
    htmap.settings["HTMAP_DIR"] = str(folder / "htmap")
    htmap.settings["BACKEND"] = "local"
    htmap.settings["OUTPUT_GRACE"] = 0.0  # an output that is not whole yet is waited for: not here
    (folder / "input.txt").write_text("input")
    calls = [(number, htmap.TransferPath(folder / "input.txt")) for number in range(6)]
    made = htmap.starmap(work, calls, tag=TAG, quiet=True, map_options=htmap.MapOptions(chunksize=3))
    try:
        made.wait(timeout=300, errors_ok=True)
        made.rerun([1])
        made.wait(timeout=300, errors_ok=True)
    except HTMapException as error:
        raise SystemExit(f"The map to take samples of did not run: {error}") from error
    home = Home.of(htmap.settings)
    htmap.status_json()
    return home


def of(home: Home) -> list[Sample]:
    """One file of each kind, of the map that is there."""
    (map_dir,) = home.map_directories()
    _keep_state(map_dir.path)
    finished = map_dir.submission(0).output(0)
    unfinished = map_dir.path / "unfinished"
    unfinished.write_bytes(finished.read_bytes()[:-30])
    settings = map_dir.path / "settings.toml"
    htmap.settings.save(settings)
    return [
        Sample("function", map_dir.function, is_wire=True),
        Sample("inputs", map_dir.shard(0), is_wire=True),
        Sample("outputs", finished, is_wire=True),
        Sample("outputs", unfinished, is_wire=True),
        Sample("map", map_dir.map, is_wire=True),
        Sample("submission", map_dir.submission(1).submission, is_wire=True),
        Sample("tag", home.tags / TAG, is_wire=True),
        Sample("state", map_dir.state, is_wire=True),
        Sample("events", map_dir.events, is_wire=False),
        Sample("submit", map_dir.submission(0).submit, is_wire=False),
        Sample("items", map_dir.submission(0).items, is_wire=False),
        Sample("sizes", home.sizes, is_wire=False),
        Sample("settings", settings, is_wire=False),
    ]


def sizes_of(map_dir: Path) -> list[int]:
    """Jobs in each submission."""
    return [SubmissionRecord.load(map_dir / f"submissions/{number}/submission").jobs for number in range(2)]


def _keep_state(map_dir: Path) -> None:
    """Write a snapshot; HTMap itself does when a log is long."""
    log = EventLog(map_dir / "events")
    state = MapState([JobTable.of_size(size) for size in sizes_of(map_dir)])
    fold(state, log.read())
    snapshot.save(map_dir / "state", state, map_dir / "events", log.offset)
