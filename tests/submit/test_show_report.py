"""Mirrors htmap.maps.report, htmap.show.report and htmap.show.charts: one page, that opens without a network."""

from __future__ import annotations

import re
import sys
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from tests.submit import event_text
from tests.submit.conftest import MakeMap
from tests.submit.fake_backend import FakeBackend

from htmap.exceptions import MissingPackage
from htmap.maps.readable import ReadableMap
from htmap.maps.report import page

SECTIONS = [
    "Advice for next time",
    "Over time",
    "Hosts",
    "Memory",
    "Wall time",
    "Attempts, evictions, holds",
    "Slowest components",
    "Largest components",
    "Failed components",
]
VOID = {"meta", "br"}


class Page(HTMLParser):
    """What is on a page; complains about tags that are not closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.ids: set[str] = set()
        self.titles: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag not in VOID:
            self._open.append(tag)
        for name, value in attrs:
            if name in {"href", "src", "xlink:href"} and value:
                self.links.append(value)
            if name == "id" and value:
                self.ids.add(value)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self._open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] == "h2":
            self.titles.append(data)


@pytest.fixture
def troubled(make_map: MakeMap, fake: FakeBackend) -> ReadableMap:
    """A map with an eviction, a hold, a failure whose message is HTML, and three that have returned."""

    def fail(x: int) -> int:
        if x == 1:
            raise ValueError("<script>alert(1)</script>\x1b[2J")
        return x

    m = make_map(fail, range(6), tag="trouble")
    fake.log(0, event_text.executing((1, 0)))
    fake.log(0, event_text.evicted((1, 0)))
    fake.run(0, 1, 2, 3)
    fake.hold(4, 34, 102, "used <too> much")
    fake.start(5)
    return m


def test_a_page_has_each_section_and_needs_nothing_else(troubled: ReadableMap) -> None:
    text = page([troubled.opened])
    found = Page(text)
    assert found.titles == SECTIONS
    assert "script" not in found.tags
    assert all(link.startswith("#") for link in found.links)
    assert {link.removeprefix("#") for link in found.links} <= found.ids
    assert found.tags.count("svg") == 4
    assert '<meta name="viewport"' in text
    assert "color-scheme: light dark" in text


def test_pictures_are_whole_and_take_the_colour_of_the_page(troubled: ReadableMap) -> None:
    pictures = re.findall(r"<svg .*?</svg>", page([troubled.opened]), re.DOTALL)
    assert len(pictures) == 4
    for picture in pictures:
        assert ET.fromstring(picture).get("aria-label")  # noqa: S314 - our own
        assert "currentColor" in picture


def test_what_others_wrote_is_shown_and_does_nothing(troubled: ReadableMap) -> None:
    text = page([troubled.opened])
    assert "ValueError: &lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert r"\x1b[2J" in text
    assert "1 component held: [34] used &lt;too&gt; much" in text
    assert 'id="error-0-1"' in text
    assert "1 eviction" in text


def test_several_maps_share_a_page(troubled: ReadableMap, make_map: MakeMap, fake: FakeBackend) -> None:
    other = make_map(str, [1], tag="other")
    fake.run()
    found = Page(page([troubled.opened, other.opened]))
    assert found.titles == SECTIONS * 2
    assert {"map-0", "map-1"} <= found.ids


def test_a_map_that_has_not_begun_has_a_page_too(make_map: MakeMap, tmp_path: Path) -> None:
    m = make_map(str, range(3))
    assert m.report(tmp_path / "fit.html") == (tmp_path / "fit.html").read_text(encoding="utf-8")
    assert Page(m.report()).tags.count("svg") == 0


def test_what_is_missing_is_named(troubled: ReadableMap, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "vl_convert", None)
    with pytest.raises(MissingPackage, match=r"htmap-submit\[report\]"):
        troubled.report()
