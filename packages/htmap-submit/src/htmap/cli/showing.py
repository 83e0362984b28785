"""``htmap show``, ``htmap path``, ``htmap logs``: one map on one screen, and where things lie."""

from __future__ import annotations

import datetime as dt
from typing import Any

import click

from htmap.cli.console import heading, note, painted, say_json
from htmap.cli.selection import selects_one_map
from htmap.logfile import path_of_log
from htmap.maps.acting import Map
from htmap.maps.overview import overview, submissions_of
from htmap.maps.survey import lines
from htmap.observe.statuses import ComponentStatus
from htmap.settings import settings
from htmap.show.status_machine import status_dict
from htmap.show.units import count, duration, size
from htmap.store.mapdir import Home

# What every map has, or what is said elsewhere on the screen.
_OURS = frozenset({
    "htmap_submission", "runner_arguments", "arguments", "executable", "universe", "initialdir",
    "preserve_relative_paths", "should_transfer_files", "when_to_transfer_output", "output", "error", "log",
    "submit_event_user_notes", "batch_name", "my.ishtmapjob", "my.htmapuid", "my.component", "my.htmapforkserver",
})  # fmt: skip
_OUR_PREFIXES = ("transfer_", "on_exit_hold")


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
        "versions": record.versions,
        "options": options,
        "submissions": [
            {
                "number": submission.record.number,
                "created": submission.record.created,
                "cluster": submission.record.cluster,
                "components": submission.record.components,
                "jobs": submission.record.jobs,
                "description": str(submission.text_file),
            }
            for submission in submissions
        ],
    }


def _options(description: str) -> dict[str, str]:
    """What the user, or a setting, has asked for: the submit commands that not every map has."""
    commands = (line.partition(" = ") for line in description.splitlines())
    return {name: value for name, equals, value in commands if equals and not _is_ours(name.casefold())}


def _is_ours(name: str) -> bool:
    return name in _OURS or name.startswith(("#", *_OUR_PREFIXES))


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
    rows += [("option", f"{name} = {value}") for name, value in requested.items()]
    for submission in facts["submissions"]:
        what = "submitted" if submission["number"] == 0 else "rerun"
        jobs = f"{count(submission['components'], 'component')} in {count(submission['jobs'], 'job')}"
        rows.append((what, f"{_time(submission['created'])}: {jobs}, cluster {submission['cluster']}"))
    rows.append(("description", facts["submissions"][-1]["description"]))
    rows += _next_steps(each.tag, counts)
    return rows


def _next_steps(tag: str, counts: Any) -> list[tuple[str, str]]:
    steps = []
    if counts.get(ComponentStatus.ERRORED):
        steps.append(("next", f"`htmap errors {tag}` says what went wrong"))
    if counts.get(ComponentStatus.HELD):
        steps.append(("next", f"`htmap reasons {tag}` says why components are held"))
    return steps


def _time(seconds: float) -> str:
    return dt.datetime.fromtimestamp(seconds).astimezone().strftime("%Y-%m-%d %H:%M:%S")


@click.command("path")
@selects_one_map
def path_command(each: Map) -> None:
    """Print the directory of a map."""
    click.echo(each.opened.directory.path)


@click.command("logs")
def logs_command() -> None:
    """Print the path of HTMap's own log. There is one if the setting LOG_LEVEL asks for it."""
    click.echo(path_of_log(Home.of(settings)))
    if not settings["LOG_LEVEL"]:
        note("Nothing is written there now: `htmap set LOG_LEVEL INFO` changes that.")
