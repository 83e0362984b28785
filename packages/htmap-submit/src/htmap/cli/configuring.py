"""``htmap settings``, ``htmap set``: what is in force, and how to change it for good."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from htmap.backend.select import chosen_backend
from htmap.cli.console import note, say_json
from htmap.cli.selection import did_you_mean
from htmap.delivery.registry import delivery_method
from htmap.exceptions import InvalidSetting
from htmap.logfile import level_of
from htmap.settings import BASE_SETTINGS, KNOWN, Settings, parsed, settings
from htmap.store.atomic import storage_errors

_OPTIONS = "map_options."


@click.command("settings")
@click.argument("key", required=False)
@click.option("--user", is_flag=True, help="Only what ~/.htmaprc says.")
@click.option("--json", "wants_json", is_flag=True, help="As JSON.")
def settings_command(key: str | None, user: bool, wants_json: bool) -> None:
    """Show the settings in force: from the environment (HTMAP_...), from ~/.htmaprc, or the defaults.

    With KEY, as LOCAL.SLOTS, print the value of that one alone.
    """
    shown = (Settings.load(_path()) if _path().exists() else Settings({})) if user else settings
    if key is not None:
        value = shown[key]
        say_json(value) if wants_json else click.echo("" if value is None else value)
    elif wants_json:
        say_json(shown.to_dict())
    elif user:
        click.echo(_path().read_text(encoding="utf-8") if _path().exists() else f"There is no {_path()}.")
    else:
        _say_all(shown)


def _say_all(shown: Settings) -> None:
    for known in KNOWN:
        value = shown[known.key]
        mark = "*" if value != known.default else " "
        click.echo(f"{mark} {known.key:<32} {'(none)' if value is None else value}")
        click.echo(click.style(f"    {known.meaning}", dim=True))
    note("* is not the default. `htmap set KEY VALUE` changes one in ~/.htmaprc.")


@click.command("set", context_settings={"ignore_unknown_options": True})  # a value may begin with a minus
@click.argument("key")
@click.argument("value", required=False)
@click.option("--unset", is_flag=True, help="Take the setting out of the file: the default holds again.")
def set_command(key: str, value: str | None, unset: bool) -> None:
    """Change a setting in ~/.htmaprc, as in `htmap set LOCAL.SLOTS 2` or `htmap set MAP_OPTIONS.request_memory 2GB`.

    Everything else in the file stays as it is, but for comments: with these, the old file is kept as ~/.htmaprc.old.
    """
    if (value is None) != unset:
        raise click.UsageError("Give a KEY and its VALUE; or a KEY and --unset.")
    path = _path()
    before = Settings.load(path).to_dict() if path.exists() else {}
    if unset:
        after = _without(before, key.split("."))
    else:
        changed = Settings(before)
        changed[key] = _checked(key, str(value))
        after = changed.to_dict()
    _save(path, after)
    click.echo(f"{path}: {f'{key} is not set any more' if unset else f'{key} = {value}'}")
    variable = f"HTMAP_{key.upper().replace('.', '__')}".replace("HTMAP_HTMAP_", "HTMAP_")
    if variable in os.environ:
        note(f"The environment variable {variable} overrides it.")


def _path() -> Path:
    return Path.home() / ".htmaprc"


def _checked(key: str, text: str) -> Any:
    """The value, if this setting can have it."""
    if key.casefold().startswith(_OPTIONS):
        return text
    known = next((each for each in KNOWN if each.key.casefold() == key.casefold()), None)
    if known is None:
        raise InvalidSetting(
            f"There is no setting {key!r}. {did_you_mean(key.upper(), [each.key for each in KNOWN])} "
            "`htmap settings` lists all."
        )
    if known.type is dict:
        raise InvalidSetting(f"{known.key} is a table: set its entries, such as {known.key}.request_memory.")
    value = parsed(known.key, text)
    trial = Settings.from_settings({known.key: value}, BASE_SETTINGS)
    trial[known.key]  # refuses what it cannot be, in a sentence
    _CHECKS.get(known.key, lambda _: None)(trial)
    return value


_CHECKS: Mapping[str, Any] = {
    "BACKEND": chosen_backend,
    "DELIVERY_METHOD": lambda trial: delivery_method(trial["DELIVERY_METHOD"]),
    "LOG_LEVEL": level_of,
}


def _without(table: dict[str, Any], keys: list[str]) -> dict[str, Any]:
    """The table without an entry, and without tables that are empty then."""
    found = next((name for name in table if name.casefold() == keys[0].casefold()), None)
    if found is None:
        raise InvalidSetting(f"{_path()} does not set {keys[0]!r}.")
    rest = {name: value for name, value in table.items() if name != found}
    if len(keys) > 1 and isinstance(table[found], dict):
        inner = _without(table[found], keys[1:])
        return {**table, found: inner} if inner else rest
    return rest


def _save(path: Path, table: dict[str, Any]) -> None:
    """Replace the file whole; one that is a link stays one."""
    path = path.resolve()
    beside = path.with_name(f"{path.name}.{os.getpid()}.new")
    with storage_errors(f"write {path}"):
        has_comments = path.exists() and any("#" in line for line in path.read_text(encoding="utf-8").splitlines())
        if has_comments:
            shutil.copy2(path, path.with_name(f"{path.name}.old"))
            note(f"Comments are lost in {path}: the file as it was is {path.name}.old.")
        try:
            Settings(table).save(beside)
            if path.exists():
                shutil.copymode(path, beside)
            beside.replace(path)
        finally:
            beside.unlink(missing_ok=True)
