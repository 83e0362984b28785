"""Charts as SVG that needs no script and no network.

In: numbers that have been counted already: a chart of a million jobs has as many marks as one of a hundred. Out: SVG,
in which text has the colour of the page around it, so that it can be read in light and in dark.

Vega-Lite draws them, in ``vl-convert``, which `htmap-submit[report]` brings: no browser is needed, and each chart is a
description of what is shown, not of lines and boxes.
"""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from typing import Any

from htmap.exceptions import MissingPackage

_INK = "currentColor"
_BLUE, _ORANGE, _GREEN = "#2f7fd6", "#e07b00", "#2e9e5b"
_WIDTH, _HEIGHT = 560, 180
_TIME = {"format": "%d %b %H:%M:%S", "tickCount": 4, "labelOverlap": True}
_CONFIG = {
    "background": None,
    "font": "system-ui, sans-serif",
    "view": {"stroke": None},
    "axis": {"labelColor": _INK, "titleColor": _INK, "domainColor": _INK, "tickColor": _INK, "gridOpacity": 0.25},
    "legend": {"labelColor": _INK, "titleColor": _INK},
    "text": {"color": _INK},
}

Values = Sequence[Mapping[str, Any]]


def histogram(values: Values, title: str, *, marks: Values = ()) -> str:
    """Bars from ``from`` to ``to`` of the height ``count``; `marks` are lines at ``at``, each with its ``label``."""
    layers: list[dict[str, Any]] = [
        {
            "data": {"values": list(values)},
            "mark": {"type": "bar", "color": _BLUE, "stroke": _INK, "strokeWidth": 0.5, "strokeOpacity": 0.6},
            "encoding": {
                "x": {"field": "from", "type": "quantitative", "bin": {"binned": True}, "title": title},
                "x2": {"field": "to"},
                "y": {"field": "count", "type": "quantitative", "title": "jobs"},
            },
        }
    ]
    if marks:
        at = {"x": {"field": "at", "type": "quantitative"}}
        layers += [
            {
                "data": {"values": list(marks)},
                "mark": {"type": "rule", "color": _ORANGE, "strokeWidth": 2, "strokeDash": [6, 3]},
                "encoding": at,
            },
            {
                "data": {"values": list(marks)},
                "mark": {"type": "text", "align": "right", "dx": -5, "baseline": "top", "color": _INK},
                "encoding": {**at, "y": {"value": 2}, "text": {"field": "label"}},
            },
        ]
    return _drawn({"layer": layers}, f"{title}: a histogram of jobs")


def over_time(values: Values) -> str:
    """At the moment ``time`` (ms since 1970): how many jobs are ``running``, and how many have ``ended``."""
    time = {"field": "time", "type": "temporal", "title": None, "axis": _TIME}
    return _drawn(
        {
            "data": {"values": list(values)},
            "vconcat": [
                {
                    "width": _WIDTH,
                    "height": _HEIGHT * 2 // 3,
                    "mark": {"type": "area", "color": _BLUE, "line": {"color": _INK}, "interpolate": "step-after"},
                    "encoding": {"x": time, "y": {"field": "running", "type": "quantitative", "title": "running"}},
                },
                {
                    "width": _WIDTH,
                    "height": _HEIGHT * 2 // 3,
                    "mark": {"type": "line", "color": _GREEN, "strokeWidth": 2, "interpolate": "step-after"},
                    "encoding": {"x": time, "y": {"field": "ended", "type": "quantitative", "title": "ended"}},
                },
            ],
        },
        "Jobs that run, and jobs that have ended, over time",
    )


def over_hosts(values: Values) -> str:
    """From ``from`` to ``to`` (ms since 1970), on ``host``: how many jobs were ``running`` on average."""
    return _drawn(
        {
            "data": {"values": list(values)},
            "height": {"step": 18},
            "mark": {"type": "rect", "stroke": _INK, "strokeWidth": 0.2},
            "encoding": {
                "x": {"field": "from", "type": "temporal", "title": None, "axis": _TIME},
                "x2": {"field": "to"},
                "y": {"field": "host", "type": "nominal", "title": None, "sort": None},
                "color": {
                    "field": "running",
                    "type": "quantitative",
                    "title": "running",
                    "legend": {"orient": "top", "gradientLength": 160},
                    "scale": {"scheme": "viridis"},
                },
            },
        },
        "Jobs on each host over time",
    )


def _drawn(spec: dict[str, Any], title: str) -> str:
    try:
        import vl_convert  # noqa: PLC0415 - large, and wanted by reports only
    except ImportError:
        raise MissingPackage(
            "A report needs what draws its pictures: `pip install 'htmap-submit[report]'` brings it."
        ) from None
    size = {} if "vconcat" in spec else {"width": _WIDTH, "height": _HEIGHT}
    whole = {"$schema": "https://vega.github.io/schema/vega-lite/v5.json", **size, **spec, "config": _CONFIG}
    svg = str(vl_convert.vegalite_to_svg(whole))
    return svg.replace("<svg ", f'<svg role="img" aria-label="{html.escape(title)}" ', 1)
