"""Draw the rooms of the code: ``python docs/pictures/rooms.py`` writes ``rooms.svg`` beside this file.

In: the floors below, from the top. Out: an SVG that needs no fonts, styles or scripts from elsewhere, and looks the
same on a light and on a dark page. Tests compare the file with what this makes, and the rooms with those of the code.
"""

from __future__ import annotations

from pathlib import Path
from xml.sax.saxutils import escape

WIDTH, GAP, ROOM_HEIGHT, FLOOR = 960, 10, 50, 58
PAPER, INK, FAINT = "#ffffff", "#1f2933", "#7b8794"
DOOR, WRITE, READ, QUEUE, DISK, EXECUTE = "#f1f3f5", "#e3f0fc", "#eae6fb", "#fff3d6", "#fdeae3", "#e2f5e9"
SANS, MONO = "Helvetica, Arial, sans-serif", "Menlo, Consolas, monospace"

Room = tuple[str, str, str]  # name, what it is for, color

# A room imports from floors below its own only.
FLOORS: list[list[Room]] = [
    [("cli", "the command htmap", DOOR)],
    [("mapping", "make maps: map, starmap, build_map", DOOR), ("management", "load, list, clean, status", DOOR)],
    [("chunking", "how many components share a job", DOOR), ("logfile", "HTMap's own log, if wanted", DOOR)],
    [("maps", "one map: look and act; many maps: survey", DOOR)],
    [("lifecycle", "make, rerun, remove: the order of steps, and what a kill leaves", WRITE)],
    [
        ("create", "write inputs, jobs, the submit description", WRITE),
        ("show", "bars, tables, reports, notebooks", READ),
    ],
    [("results", "what components left: results, errors, streams", READ)],
    [("observe", "fold the event log into statuses; ask the queue where it is silent", READ)],
    [
        ("backend", "a schedd, or the local queue", QUEUE),
        ("delivery", "how Python gets to a node", QUEUE),
        ("options", "MapOptions", QUEUE),
    ],
    [("option_values", "what an option may be: one value, or one for each component", QUEUE)],
    [("store", "HTMAP_DIR: every path, record, tag and lock", DISK)],
    [("language", "submit descriptions and ClassAds: written, read and evaluated in one place", DISK)],
    [
        ("settings", "from program, environment, file", DISK),
        ("pickling", "objects of the user", DISK),
        ("versions", "the version of HTMap", DISK),
        ("interrupts", "Ctrl-C at a bad time", DISK),
    ],
    [("exceptions", "all that HTMap raises", DISK)],
]

BESIDE: list[Room] = [
    ("htmap_exec", "the runner on the node", EXECUTE),
    ("htmap_common", "the files both sides read and write", EXECUTE),
]


def svg() -> str:
    """The picture."""
    height = GAP + 40 + FLOOR * len(FLOORS) + 44 + ROOM_HEIGHT + 2 * GAP
    size = f'width="{WIDTH}" height="{height}"'
    below = 50 + FLOOR * len(FLOORS) + 34
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} viewBox="0 0 {WIDTH} {height}" aria-labelledby="title">',
        '<title id="title">The rooms of htmap, a floor above those that it imports from</title>',
        f'<rect {size} rx="12" fill="{PAPER}"/>',
        _text(30, 32, "htmap: a room imports from the floors below it, and from no other", 13, FAINT),
        *(line for number, floor in enumerate(FLOORS) for line in _floor(50 + FLOOR * number, floor)),
        _text(
            30, below - 10, "beside it: htmap and htmap_exec know htmap_common, and do not know each other", 13, FAINT
        ),
        *_floor(below, BESIDE),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _floor(top: int, rooms: list[Room]) -> list[str]:
    width = (WIDTH - 60 - GAP * (len(rooms) - 1)) // len(rooms)
    return [line for n, room in enumerate(rooms) for line in _room(30 + n * (width + GAP), top, width, room)]


def _room(x: int, top: int, width: int, room: Room) -> list[str]:
    name, purpose, color = room
    middle = x + width // 2
    place = f'x="{x}" y="{top}" width="{width}" height="{ROOM_HEIGHT}"'
    return [
        f'<rect {place} rx="8" fill="{color}" stroke="{INK}"/>',
        _text(middle, top + 21, name, 13, weight="bold", font=MONO, anchor="middle"),
        _text(middle, top + 39, purpose, 12, anchor="middle"),
    ]


def _text(  # noqa: PLR0917 - a place, and how it looks
    x: int, y: int, text: str, size: int, color: str = INK, weight: str = "normal", font: str = SANS, anchor: str = ""
) -> str:
    style = f'font-family="{font}" font-size="{size}" font-weight="{weight}" fill="{color}" text-anchor="{anchor}"'
    return f'<text x="{x}" y="{y}" {style}>{escape(text)}</text>'


if __name__ == "__main__":
    Path(__file__).with_suffix(".svg").write_text(svg(), encoding="utf-8")
