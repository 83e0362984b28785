"""``htmap show``, ``htmap path``, ``htmap logs``: one map on one screen, and where things lie."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click

from htmap.cli.console import heading, note, painted, say_json
from htmap.cli.selection import complete_tag, loaded, selects_one_map
from htmap.language.command_types import Local
from htmap.language.commands import find, is_in_every_map
from htmap.language.description import parse
from htmap.logfile import path_of_log
from htmap.maps.acting import Map
from htmap.maps.overview import overview, submissions_of
from htmap.maps.survey import lines
from htmap.observe.statuses import ComponentStatus
from htmap.settings import settings
from htmap.show.status_machine import status_dict
from htmap.show.units import count, duration, size
from htmap.store.atomic import storage_errors
from htmap.store.mapdir import Home, SubmissionDir
from htmap.store.records import QueueIdentity
from htmap.store.tags import path_of


@click.command("show")
@selects_one_map
@click.option("--submit", "wants_submit", is_flag=True, help="Only the submit description, as it was sent.")
@click.option("--json", "wants_json", is_flag=True, help="As JSON: disk and memory in bytes, times in seconds.")
def show_command(each: Map, wants_submit: bool, wants_json: bool) -> None:
    """Show all about one map on one screen: function, options, submit description, versions, counts, usage."""
    if wants_submit:
        click.echo(submissions_of(each.opened)[-1].text(), nl=False)
        return
    facts = _facts(each)
    if wants_json:
        say_json(facts)
        return
    click.echo(heading(f"{facts['tag']}: {count(facts['components'], 'component')} of {facts['function']}"))
    for name, value in _rows(each, facts):
        click.echo(f"  {name:<12} {value}")


def _facts(each: Map) -> dict[str, Any]:
    record, submissions = each.opened.record, submissions_of(each.opened)
    shown, _ = lines(each.opened.directory.home, {each.tag: each})
    options = _options(submissions[-1].text())
    return {
        **next(iter(status_dict(shown).values()), {}),
        "tag": each.tag,
        "function": record.function_name,
        "components": record.components,
        "created": record.created,
        "backend": record.backend,
        "delivery": record.delivery,
        "transient": each.is_transient,
        "directory": str(each.opened.directory.path),
        "home": str(each.opened.directory.home.path),
        "waits": each.opened.watch.why_idle(),
        "as_last_known": each.opened.watch.why_unasked or None,
        "versions": record.versions,
        "options": options,
        "submissions": [
            {
                "number": submission.record.number,
                "created": submission.record.created,
                "cluster": submission.record.cluster,
                "queue": _queue(submission.record.queue),
                "components": submission.record.components,
                "jobs": submission.record.jobs,
                "description": str(submission.text_file),
            }
            for submission in submissions
        ],
    }


def _queue(queue: QueueIdentity | None) -> dict[str, str] | None:
    return None if queue is None else {"schedd": queue.schedd, "pool": queue.pool}


def _options(description: str) -> dict[str, str]:
    """What the user, or a setting, has asked for: the submit commands that not every map has."""
    told = parse(description)
    asked = {**told.commands, **{f"MY.{name}": value for name, value in told.attributes.items()}}
    return {name: value for name, value in asked.items() if not is_in_every_map(name)}


def _rows(each: Map, facts: dict[str, Any]) -> list[tuple[str, str]]:
    counts = overview(each.opened).counts
    statuses = [
        f"{counts[status]} {painted(status)}" for status in ComponentStatus.display_statuses() if counts.get(status)
    ]
    requested = facts["options"]
    memory = size(facts["max_memory"]) if facts["max_memory"] else "not reported yet"
    versions = ", ".join(f"{name} {version}" for name, version in facts["versions"].items())
    rows = [
        ("statuses", ", ".join(statuses)),
        ("memory", f"{memory} at most; submitted with a request for {requested.get('request_memory', 'the default')}"),
        ("runtime", f"{duration(facts['max_runtime'])} at most, {duration(facts['total_runtime'])} in all"),
        ("disk", f"{size(facts['local_data'])} in {facts['directory']}"),
        ("created", f"{_time(facts['created'])} by {versions}"),
        ("runs on", f"{facts['backend']}, delivery {facts['delivery']}"),
    ]
    if facts["transient"]:
        rows.append(("transient", "`htmap clean` removes it; `htmap retag` keeps it"))
    rows += [("option", f"{name} = {value}{_let_aside(name, facts['backend'])}") for name, value in requested.items()]
    if facts["as_last_known"]:
        rows.insert(1, ("last known", facts["as_last_known"]))
    if facts["waits"]:
        rows.append(("waits", facts["waits"]))
    for submission in facts["submissions"]:
        what = "submitted" if submission["number"] == 0 else "rerun"
        jobs = f"{count(submission['components'], 'component')} in {count(submission['jobs'], 'job')}"
        queue = submission["queue"]
        where = f" at {queue['schedd']} of the pool {queue['pool']}" if queue else ""
        rows.append((what, f"{_time(submission['created'])}: {jobs}, cluster {submission['cluster']}{where}"))
    rows += [("advice", each) for each in each.advice()]
    rows.append(("description", facts["submissions"][-1]["description"]))
    rows += _next_steps(each.tag, counts)
    return rows


def _let_aside(option: str, backend: str) -> str:
    known = find(option)
    is_let_aside = backend == "local" and known is not None and known.local is Local.LETS_ASIDE
    return " (for pools: the local backend lets it aside)" if is_let_aside else ""


def _next_steps(tag: str, counts: Any) -> list[tuple[str, str]]:
    steps = []
    if counts.get(ComponentStatus.ERRORED):
        steps.append(("next", f"`htmap errors {tag}` says what went wrong"))
    if counts.get(ComponentStatus.HELD):
        steps.append(("next", f"`htmap reasons {tag}` says why components are held"))
    return steps


def _time(seconds: float) -> str:
    return dt.datetime.fromtimestamp(seconds).astimezone().strftime("%Y-%m-%d %H:%M:%S")


_Place = Callable[[Map], Path]
_PLACES: Mapping[str, _Place] = {
    "map": lambda each: each.opened.directory.path,
    "tag": lambda each: path_of(each.opened.directory.home, each.tag),
    "events": lambda each: each.opened.directory.events,
    "inputs": lambda each: each.opened.directory.inputs,
    "outputs": lambda each: _last_submission(each).outputs,
    "logs": lambda each: _last_submission(each).logs,
    "submit": lambda each: _last_submission(each).submit,
    "output_files": lambda each: each.opened.directory.all_output_files,
}


def _last_submission(each: Map) -> SubmissionDir:
    return each.opened.directory.submission(submissions_of(each.opened)[-1].record.number)


@click.command("path")
@click.argument("tag", metavar="TAG[:PLACE]", shell_complete=complete_tag)
def path_command(tag: str) -> None:
    """Print the directory of a map, or of something in it.

    \b
      htmap path fit                 the directory of the map
      htmap path fit:tag             the file that gives the map its tag
      htmap path fit:events          its event log
      htmap path fit:inputs          its inputs
      htmap path fit:outputs         what its components returned, by jobs
      htmap path fit:logs            what its jobs printed; `htmap stdout` shows what components did
      htmap path fit:submit          the submit description
      htmap path fit:output_files    what transfer_output_files sent back, by components

    Of a map that was rerun, outputs, logs and submit are those of the last submission.
    """  # noqa: D301 - \b is click's mark for text that is not to be wrapped
    tag, _, place = tag.partition(":")
    if place and place not in _PLACES:
        raise click.UsageError(f"There is no place {place!r}. It may be one of {', '.join(_PLACES)}.")
    click.echo(_PLACES[place or "map"](loaded(tag)))


@click.command("logs")
@click.option("--view/--no-view", default=False, help="Show what is in it, not where it is.")
def logs_command(view: bool) -> None:
    """Print the path of HTMap's own log. There is one if the setting LOG_LEVEL asks for it."""
    path = path_of_log(Home.of(settings))
    if view and path.exists():
        with storage_errors(f"read {path}"):
            click.echo_via_pager(path.read_text(encoding="utf-8", errors="replace"))
    else:
        click.echo(path)
    if not settings["LOG_LEVEL"]:
        note("Nothing is written there now: `htmap set LOG_LEVEL INFO` changes that.")
