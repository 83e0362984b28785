"""Draw the flow of a map: ``python docs/pictures/flow.py`` writes ``flow.svg`` beside this file.

In: the tables below. Out: an SVG that needs no fonts, styles or scripts from elsewhere, and looks the same on a light
and on a dark page. A test compares the file with what this makes.
"""

from __future__ import annotations

from pathlib import Path
from xml.sax.saxutils import escape

WIDTH, HEIGHT = 960, 456
PAPER, INK, FAINT = "#ffffff", "#1f2933", "#7b8794"
SUBMIT, QUEUE, EXECUTE = "#e3f0fc", "#fff3d6", "#e2f5e9"
TIP = 'markerWidth="7" markerHeight="7" orient="auto"'
SANS, MONO = "Helvetica, Arial, sans-serif", "Menlo, Consolas, monospace"

# x, y, width, height, color, bold line (code if it has a bracket), further lines
BOXES = [
    (30, 60, 230, 62, SUBMIT, "htmap.map(function, inputs)", ["your program"]),
    (30, 172, 230, 82, SUBMIT, "The map's directory", ["the function, the inputs in shards,", "a submit description"]),
    (30, 322, 230, 82, SUBMIT, "Map", ["statuses, holds, waiting", "results, errors, files"]),
    (370, 172, 220, 82, QUEUE, "A queue", ["the schedd of an HTCondor pool,", "or the one of this machine"]),
    (370, 322, 220, 82, QUEUE, "Job event log", ["what happens to each job,", "read bit by bit"]),
]
NODES = [(718, 148), (706, 160), (694, 172)]
NODE = (230, 82, EXECUTE, "Runner", ["calls the function for each of its", "components, and records each"])
RECORDS = (694, 322, 230, 82, EXECUTE, "Records", ["one for each component:", "a result, or an error"])

COLUMNS = [(145, "your machine or access point"), (480, "the queue"), (815, "execute nodes")]

# A line through these points, with an arrow at its end; then a label and its place.
ARROWS = [
    ([(145, 122), (145, 168)], "freeze the calls", (153, 150, "start")),
    ([(260, 213), (366, 213)], "submit", (313, 205, "middle")),
    ([(590, 213), (690, 213)], "start jobs", (640, 205, "middle")),
    ([(480, 254), (480, 318)], "write", (488, 291, "start")),
    ([(809, 254), (809, 318)], "append", (817, 291, "start")),
    ([(370, 363), (264, 363)], "fold", (317, 355, "middle")),
    ([(809, 404), (809, 430), (145, 430), (145, 408)], "come back with the job", (480, 446, "middle")),
]


def svg() -> str:
    """The picture."""
    size = f'width="{WIDTH}" height="{HEIGHT}"'
    tip = f'<path d="M0 0 L10 5 L0 10 z" fill="{INK}"/>'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} viewBox="0 0 {WIDTH} {HEIGHT}" aria-labelledby="title">',
        '<title id="title">The flow of a map, from the call to its results</title>',
        f'<defs><marker id="tip" viewBox="0 0 10 10" refX="9" refY="5" {TIP}>{tip}</marker></defs>',
        f'<rect {size} rx="12" fill="{PAPER}"/>',
        *(_text(x, 34, title, size=13, color=FAINT, anchor="middle") for x, title in COLUMNS),
        *(line for box in BOXES for line in _box(*box)),
        *(line for x, y in NODES for line in _box(x, y, *NODE)),
        *_box(*RECORDS),
        *(line for arrow in ARROWS for line in _arrow(*arrow)),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _box(  # noqa: PLR0917 - a place, and what is in it
    x: int, y: int, width: int, height: int, color: str, title: str, lines: list[str]
) -> list[str]:
    middle = x + width // 2
    top = y + (height - 18 * (1 + len(lines))) // 2 + 14
    font = MONO if "(" in title else SANS
    return [
        f'<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="8" fill="{color}" stroke="{INK}"/>',
        _text(middle, top, title, size=12 if font == MONO else 13, weight="bold", font=font, anchor="middle"),
        *(_text(middle, top + 18 * n, line, size=12, anchor="middle") for n, line in enumerate(lines, 1)),
    ]


def _arrow(points: list[tuple[int, int]], label: str, place: tuple[int, int, str]) -> list[str]:
    way = " ".join(f"{x},{y}" for x, y in points)
    line = f'<polyline points="{way}" fill="none" stroke="{INK}" stroke-width="1.4" marker-end="url(#tip)"/>'
    x, y, anchor = place
    return [line, _text(x, y, label, size=12, color=FAINT, anchor=anchor)]


def _text(  # noqa: PLR0917 - a place, and how it looks
    x: int, y: int, text: str, size: int, color: str = INK, weight: str = "normal", font: str = SANS, anchor: str = ""
) -> str:
    style = f'font-family="{font}" font-size="{size}" font-weight="{weight}" fill="{color}" text-anchor="{anchor}"'
    return f'<text x="{x}" y="{y}" {style}>{escape(text)}</text>'


if __name__ == "__main__":
    Path(__file__).with_suffix(".svg").write_text(svg(), encoding="utf-8")
