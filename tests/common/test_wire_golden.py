"""Files of every format that was ever released stay readable; today's code still writes the same bytes."""

from __future__ import annotations

import re
import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from htmap_common.wire import Kind, OutputsReader, read_header, read_record

HERE = Path(__file__).parent
WIRE_FORMAT = HERE.parents[1] / "docs" / "wire-format.md"

MADE = runpy.run_path(str(HERE / "make_golden.py"))
FORMAT_1 = HERE / "golden" / "format-1"


def test_there_is_a_golden_file_of_every_kind() -> None:
    assert {*MADE["SINGLE"], Kind.OUTPUTS} == set(Kind)
    assert {path.name for path in FORMAT_1.iterdir()} == {*(kind.value for kind in Kind), "outputs-unfinished"}


def test_the_same_bytes_are_written_today() -> None:
    assert MADE["make_all"]() == {path.name: path.read_bytes() for path in MADE["GOLDEN"].iterdir()}


@pytest.mark.parametrize("kind", MADE["SINGLE"])
def test_single_records_of_format_1_are_read(kind: Kind) -> None:
    header, segments, _ = MADE["SINGLE"][kind]
    record = read_record(FORMAT_1 / kind.value, kind)
    assert header == {key: value for key, value in record.header.items() if key not in ("segments", "align")}
    assert list(record.segments) == segments
    assert read_header(FORMAT_1 / kind.value, kind) == record.header


@pytest.mark.parametrize("name", ["outputs", "outputs-unfinished"])
def test_outputs_of_format_1_are_read(name: str) -> None:
    with OutputsReader.open(FORMAT_1 / name) as reader:
        assert reader.is_finished == (name == "outputs")
        records = [reader.record(entry) for entry in reader.entries]
    for record, (header, segments, _) in zip(records, MADE["OUTPUTS"], strict=True):
        assert header.items() <= record.header.items()
        assert list(record.segments) == segments


def documented_reader() -> Callable[[bytes], Any]:
    """The reader that docs/wire-format.md shows."""
    (code,) = re.findall(r"```python\n(.*?)```", WIRE_FORMAT.read_text(encoding="utf-8"), re.DOTALL)
    namespace: dict[str, Any] = {}
    exec(code, namespace)  # noqa: S102 - our own page
    reader: Callable[[bytes], Any] = namespace["records"]
    return reader


@pytest.mark.parametrize("path", sorted(FORMAT_1.iterdir()), ids=lambda path: path.name)
def test_the_documented_reader_reads_the_golden_files(path: Path) -> None:
    found = list(documented_reader()(path.read_bytes()))
    if path.name.startswith("outputs"):
        expected = [(header["component"], segments) for header, segments, _ in MADE["OUTPUTS"]]
        assert [(header["component"], segments) for header, segments in found] == expected
    else:
        record = read_record(path, Kind(path.name))
        assert found == [(record.header, list(record.segments))]


def test_the_documented_example_is_the_golden_tag() -> None:
    lines = re.findall(r"^[0-9a-f]{8}  ((?:[0-9a-f]{2} {1,2})+)", WIRE_FORMAT.read_text(encoding="utf-8"), re.MULTILINE)
    assert bytes.fromhex("".join(lines)) == (FORMAT_1 / "tag").read_bytes()
