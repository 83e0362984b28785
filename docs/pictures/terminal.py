"""Draw what one sees in a terminal: ``python docs/pictures/terminal.py`` writes ``terminal.svg`` beside this file.

In: the lines below, as `htmap` prints them. Out: an SVG that needs no fonts, styles or scripts from elsewhere. A test
compares the file with what this makes.
"""

from __future__ import annotations

from pathlib import Path
from xml.sax.saxutils import escape

PAPER, FRAME = "#1f2933", "#3e4c59"
PLAIN, FAINT, GREEN, RED, CYAN = "#e4e7eb", "#9aa5b1", "#7bc47f", "#ef8a8a", "#7fc8d8"
MONO = "Menlo, Consolas, 'DejaVu Sans Mono', monospace"
SIZE, ADVANCE, LEADING, LEFT, TOP = 15, 9, 22, 28, 62

Span = tuple[str, str]

BAR = 40


def bar(tag: str, done: int, failed: int, total: int, time: str) -> list[Span]:
    """A line of a progress bar: what has returned, what has failed, what is to come."""
    green, red = BAR * done // total, -(-BAR * failed // total)
    return [
        (f"{tag:<11}", PLAIN),
        ("━" * green, GREEN),
        ("━" * red, RED),
        ("━" * (BAR - green - red), FRAME),
        (f" {done + failed}/{total}  {time}", PLAIN),
    ]


LINES: list[list[Span]] = [
    [("$ ", FAINT), ("htmap wait fit-narrow fit-wide", PLAIN)],
    bar("fit-narrow", 68, 3, 100, "0:00:12"),
    bar("fit-wide", 3, 0, 3, "0:00:12"),
    [],
    [("$ ", FAINT), ("htmap errors fit-narrow", PLAIN)],
    [("fit-narrow: 3 failed components, 1 kind of error", PLAIN)],
    [],
    [("3 components: ", PLAIN), ("ValueError", RED), (" at fits.py:6", PLAIN)],
    [("    does not converge", PLAIN)],
    [("    components 3, 36, 69", FAINT)],
    [],
    [("A whole report: ", FAINT), ("`htmap errors fit-narrow --component 3`", CYAN)],
]

WIDTH, HEIGHT = LEFT * 2 + ADVANCE * 72, TOP + LEADING * len(LINES) + 6


def svg() -> str:
    """The picture."""
    size = f'width="{WIDTH}" height="{HEIGHT}"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} viewBox="0 0 {WIDTH} {HEIGHT}" aria-labelledby="title">',
        '<title id="title">A terminal: bars of two maps, and the errors of one, grouped by kind</title>',
        f'<rect {size} rx="10" fill="{PAPER}"/>',
        *(f'<circle cx="{LEFT + 20 * number}" cy="22" r="6" fill="{FRAME}"/>' for number in range(3)),
        *(_line(number, spans) for number, spans in enumerate(LINES) if spans),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _line(number: int, spans: list[Span]) -> str:
    column, drawn = 0, []
    for text, color in spans:
        if text:
            # Its own place and width for each: no font is as wide as another.
            place = f'x="{LEFT + ADVANCE * column}" textLength="{ADVANCE * len(text)}"'
            drawn.append(f'<tspan {place} fill="{color}">{escape(text)}</tspan>')
        column += len(text)
    style = f'font-family="{MONO}" font-size="{SIZE}" xml:space="preserve"'
    return f'<text y="{TOP + LEADING * number}" {style}>{"".join(drawn)}</text>'


if __name__ == "__main__":
    Path(__file__).with_suffix(".svg").write_text(svg(), encoding="utf-8")
