"""The readers of each kind of file. Each reads all that there is to read; what it raises decides."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from htmap.language import description, items
from htmap.observe import snapshot
from htmap.observe.events import EventLog
from htmap.observe.fold import JobTable, MapState, fold
from htmap.settings import Settings
from htmap.store import tags
from htmap.store.mapdir import Home
from htmap.store.records import MapRecord, SubmissionRecord
from htmap.store.sizes import Sizes
from htmap_common.wire import (
    OutcomeRecord,
    OutputsReader,
    OutputsWriter,
    WireError,
    describe,
    read_function,
    read_outcome,
    read_shard,
)
from htmap_common.wire.functions import read_things
from mutations.samples import TAG

SIZES = [2, 1]
"""Jobs of the submissions of the map that samples are taken of."""


def _function(path: Path) -> None:
    describe(path)
    read_function(path)
    read_things(path)


def _inputs(path: Path) -> None:
    describe(path)
    shard = read_shard(path)
    for component in shard.components[:10]:
        shard.segments(component)
        shard.header.files(component)


def _outputs(path: Path) -> None:
    describe(path)
    with OutputsReader.open(path, most=20) as reader:
        for entry in reader.entries:
            try:
                read_outcome(reader.header(entry))
                record = reader.record(entry)
                outcome = OutcomeRecord(read_outcome(record.header), record.segments)
                _ = outcome.payload, outcome.printed("stdout"), outcome.printed("stderr")
            except WireError:
                continue
    with OutputsWriter.open(path) as writer:
        writer.finish()


def _state(path: Path) -> None:
    describe(path)
    found = snapshot.load(path, path.with_name("events"), SIZES)
    if found is not None:
        for table in found[0].tables:
            for job in range(len(table.states)):
                table.figures(job)


def _events(path: Path) -> None:
    fold(MapState([JobTable.of_size(size) for size in SIZES]), EventLog(path).read())


def _submit(path: Path) -> None:
    told = description.read(path)
    for _, item in zip(range(10), told.iter_items(), strict=False):
        told.item_values(item)
    description.parse(told.render())


def _items(path: Path) -> None:
    for line in path.read_text(encoding="utf-8", errors="surrogateescape").splitlines():
        items.item_values(line, 6)


def _tag(path: Path) -> None:
    describe(path)
    tags.find(Home(path.parents[1]), TAG)


def _sizes(path: Path) -> None:
    home = Home(path.parent)
    for map_dir in home.map_directories():
        Sizes(home).of(map_dir)


READERS: dict[str, Callable[[Path], object]] = {
    "function": _function,
    "inputs": _inputs,
    "outputs": _outputs,
    "map": MapRecord.load,
    "submission": SubmissionRecord.load,
    "tag": _tag,
    "state": _state,
    "events": _events,
    "submit": _submit,
    "items": _items,
    "sizes": _sizes,
    "settings": Settings.load,
}
