"""Settings: a chain of dictionaries in which the first that has a key wins.

In: values set at run time, environment variables, the file ``~/.htmaprc`` (TOML), the defaults in `KNOWN`.
Out: ``htmap.settings["LOCAL.SLOTS"]``. Dotted keys reach into nested tables; case does not matter.
A lookup costs one dictionary access: the chain is merged when it changes, not when it is read. `settings` follows
`USER_SETTINGS` and `BASE_SETTINGS`: what is changed there shows here.
"""

from __future__ import annotations

import contextlib
import copy
import functools
import itertools
import json
import os
import secrets
import stat
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import toml

from htmap.exceptions import InvalidSetting, MissingSetting, StorageError
from htmap_common.agreed import COMPONENT, ON_EXECUTE

Layer = dict[str, Any]


@dataclass(frozen=True, slots=True)
class KnownSetting:
    """A setting that HTMap itself reads; its value is of `type`, or None where that is the default."""

    key: str
    type: type[Any]
    default: Any
    meaning: str


KNOWN = (
    KnownSetting("HTMAP_DIR", str, "~/.htmap", "The directory in which maps are kept."),
    KnownSetting("BACKEND", str, "auto", "Where maps run: auto, htcondor or local."),
    KnownSetting("DELIVERY_METHOD", str, "bundle", "How Python and the runner reach the execute node."),
    KnownSetting("WAIT_TIME", float, 1.0, "Seconds, at most, between two looks at the event log while waiting."),
    KnownSetting("OUTPUT_GRACE", float, 30.0, "Seconds to wait for the output of a job that has ended (shared disks)."),
    KnownSetting("QUEUE_CHECK_TIME", float, 60.0, "Seconds of silence of an event log before the queue is asked."),
    KnownSetting("HTCONDOR.SCHEDULER", str, None, "Name of the schedd; none: the one of this machine."),
    KnownSetting("HTCONDOR.COLLECTOR", str, None, "Address of the collector that knows that schedd."),
    KnownSetting(
        "LOCAL.LIMIT_MEMORY",
        bool,
        False,
        "If true, the local backend holds a job that uses more memory than it requested, as pools do.",
    ),
    KnownSetting("LOCAL.SLOTS", int, 0, "Jobs that the local backend runs at a time; 0: one for each core."),
    KnownSetting("DOCKER.IMAGE", str, None, "Image for the delivery method docker, such as python:3.12-slim."),
    KnownSetting("SINGULARITY.IMAGE", str, None, "Image for the delivery method singularity: a path, URL or docker://."),
    KnownSetting("CONTAINER.IMAGE", str, None, "Image for the delivery method container: a path, URL or docker://."),
    KnownSetting("TRANSPLANT.DIR", str, None, "Where transplant installs are kept; none: below HTMAP_DIR."),
    KnownSetting("TRANSPLANT.ALTERNATE_INPUT_PATH", str, None, "URL or path that jobs get them from instead."),
    KnownSetting("TRANSPLANT.ASSUME_EXISTS", bool, False, "Whether the transplant install is there without looking."),
    KnownSetting("LATE_MATERIALIZATION.THRESHOLD", int, 10_000, "Above this many jobs, let them materialize late."),
    KnownSetting("LATE_MATERIALIZATION.MAX_IDLE", int, 1_000, "Idle jobs of a map in the queue when they do."),
    KnownSetting("CHUNKSIZE.TRIAL_TIME", float, 60.0, "Seconds to wait for the calls that chunksize tries."),
    KnownSetting("LOG_LEVEL", str, None, "Level of HTMap's own log file, as INFO; none: no file. Read at import."),
    KnownSetting("MAP_OPTIONS", dict, {}, "Map options for every map, below those given to it."),
)  # fmt: skip

_KNOWN_BY_KEY = {known.key.casefold(): known for known in KNOWN}
_TABLES = {known.key.partition(".")[0].casefold() for known in KNOWN if "." in known.key}

# What the htmap before this one called them.
_OLD_VARIABLES = {
    "HTMAP_DOCKER_IMAGE": "HTMAP_DOCKER__IMAGE",
    "HTMAP_SINGULARITY_IMAGE": "HTMAP_SINGULARITY__IMAGE",
    "HTMAP_CONDOR_SCHEDULER": "HTMAP_HTCONDOR__SCHEDULER",
    "HTMAP_CONDOR_COLLECTOR": "HTMAP_HTCONDOR__COLLECTOR",
}

# Set by the runner for user code, not by a user for us.
_NOT_SETTINGS = frozenset({ON_EXECUTE, COMPONENT})


_changes = itertools.count()


class Settings:
    """A chain of settings; earlier ones override later ones.

    Parameters
    ----------
    settings
        Nested dictionaries, the most important first; their keys may be dotted. They are copied.
    """

    def __init__(self, *settings: Mapping[str, Any]) -> None:
        self._layers: list[Layer] = [_layer(each) for each in settings] or [{}]
        self._followed: tuple[Settings, ...] = ()  # below the layers, as they are at the moment
        self._problem: InvalidSetting | None = None
        self._merged: dict[str, Any] = {}
        self._merged_of: tuple[int, ...] = ()
        self._version = next(_changes)

    def __getitem__(self, key: str) -> Any:
        try:
            value = self._flat()[key.casefold()]
        except KeyError:
            raise MissingSetting(f"There is no setting {key!r}.") from None
        return copy.deepcopy(value) if isinstance(value, (dict, list)) else value

    def __setitem__(self, key: str, value: Any) -> None:
        layer = self._layers[0]
        *tables, name = key.split(".")
        for table in tables:
            existing = _existing_key(layer, table)
            if not isinstance(layer.get(existing), dict):
                layer[existing] = {}
            layer = layer[existing]
        layer[_existing_key(layer, name)] = copy.deepcopy(value)
        self._version = next(_changes)

    def __contains__(self, key: str) -> bool:
        return key.casefold() in self._flat()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Settings) and self.to_dict() == other.to_dict()

    __hash__ = None  # type: ignore[assignment]  # mutable

    def __repr__(self) -> str:
        return f"Settings({', '.join(map(repr, _layers_of(self)))})"

    def get(self, key: str, default: Any = None) -> Any:
        """The value of a setting, or `default` if no layer has it."""
        try:
            return self[key]
        except MissingSetting:
            return default

    def to_dict(self) -> dict[str, Any]:
        """Return a single dictionary with all of the settings, merged according to the lookup rules."""
        return _merge(_layers_of(self))

    def replace(self, other: Settings) -> None:
        """Change these settings to be those of `other`; later changes to one do not show in the other."""
        self._layers, self._followed = _layers_of(other), ()
        self._problem = other._first_problem()
        self._version = next(_changes)

    def append(self, other: Settings | Mapping[str, Any]) -> None:
        """Add settings at the end of the search: everything before them overrides them."""
        # They come after what is followed, so they are followed too: a copy of them, that nobody changes.
        self._followed += (Settings(*_layers_of(other)),)
        self._inherit_problem(other)

    def prepend(self, other: Settings | Mapping[str, Any]) -> None:
        """Add settings at the beginning of the search: they override everything after them."""
        self._layers[:0] = _layers_of(other)
        self._inherit_problem(other)

    @classmethod
    def from_settings(cls, *settings: Settings | Mapping[str, Any]) -> Settings:
        """Construct new settings from others, the most important first."""
        chain = cls(*(layer for each in settings for layer in _layers_of(each)))
        for each in settings:
            chain._inherit_problem(each)
        return chain

    @classmethod
    def load(cls, path: os.PathLike[str] | str) -> Settings:
        """Load settings from a TOML file.

        Raises
        ------
        InvalidSetting
            The file is no TOML; the message names file, line and column.
        StorageError
            It cannot be read.
        """
        path = Path(path)
        try:
            return cls(toml.loads(path.read_text(encoding="utf-8")))
        except toml.TomlDecodeError as error:
            raise InvalidSetting(
                f"{path}, line {error.lineno}, column {error.colno}: this is no TOML ({error.msg}). "
                "Correct that line, or move the file away to use the defaults."
            ) from None
        except UnicodeDecodeError as error:
            raise InvalidSetting(f"{path}: this is no text in UTF-8 (byte {error.start}).") from None
        except OSError as error:
            raise StorageError(f"Cannot read settings from {path}: {error.strerror}.") from error
        except (IndexError, KeyError, TypeError, ValueError) as error:
            # What toml 0.10 raises for some mistakes (an inline table that does not end, say).
            raise InvalidSetting(f"{path}: this is no TOML ({error}).") from None

    def save(self, path: os.PathLike[str] | str) -> None:
        """Save these settings, merged, to a TOML file. Settings that are None are left out: TOML has no such value.

        Raises
        ------
        InvalidSetting
            A setting cannot be written as TOML.
        StorageError
            The file cannot be written.
        """
        path = Path(path)
        table = _plain(self.to_dict())
        text = _to_toml(table)
        if text is None:
            raise InvalidSetting(f"Cannot save settings to {path}: a value among them is none that TOML can hold.")
        try:
            _write_beside(path.resolve(), text.encode())
        except UnicodeEncodeError as error:
            raise InvalidSetting(
                f"Cannot save settings to {path}: there is text among them that cannot be encoded: {error.object!r}."
            ) from error
        except (OSError, ValueError) as error:  # ValueError: a NUL in the path
            raise StorageError(f"Cannot save settings to {path}: {getattr(error, 'strerror', error)}.") from error

    def _inherit_problem(self, other: Settings | Mapping[str, Any]) -> None:
        if isinstance(other, Settings):
            self._problem = self._problem or other._first_problem()  # noqa: SLF001 - another of this class
        self._version = next(_changes)

    def _follow(self, *others: Settings) -> Settings:
        """Search others after these settings, as they are whenever something is looked up."""
        self._followed = others
        return self

    def _first_problem(self) -> InvalidSetting | None:
        return next((each._problem for each in (self, *self._followed) if each._problem is not None), None)  # noqa: SLF001 - as above

    def _flat(self) -> dict[str, Any]:
        # Hot: once per lookup.
        problem = self._first_problem()
        if problem is not None:
            raise type(problem)(*problem.args)
        versions = self._version, *[each._version for each in self._followed]  # noqa: SLF001 - as above
        if versions != self._merged_of:
            layers = _layers_of(self)
            for key, value in itertools.chain.from_iterable(layer.items() for layer in layers):
                if key.casefold() in _TABLES and not isinstance(value, Mapping):
                    raise InvalidSetting(f"The setting {key} must be a table of settings, not {value!r}.")
            flat = dict(_flatten(_merge(layers)))
            for key, known in _KNOWN_BY_KEY.items():
                if key in flat:
                    flat[key] = _checked(known, flat[key])
            self._merged, self._merged_of = flat, versions
        return self._merged


# `htmap.settings` is the instance and hides this module of the same name; its class stays reachable through it.
setattr(Settings, "Settings", Settings)  # noqa: B010 - a plain assignment would make mypy take the name for a field


def _layers_of(settings: Settings | Mapping[str, Any]) -> list[Layer]:
    """Copies of all layers, the most important first."""
    if not isinstance(settings, Settings):
        return [_layer(settings)]
    return [*copy.deepcopy(settings._layers), *(layer for each in settings._followed for layer in _layers_of(each))]  # noqa: SLF001 - as above


def _layer(table: Mapping[str, Any]) -> Layer:
    """A copy of a table in which dotted keys have become tables."""
    layer: Layer = {}
    for key, value in table.items():
        *tables, name = key.split(".")
        nested = {name: value}
        for table_name in reversed(tables):
            nested = {table_name: nested}
        _overlay(layer, nested)
    return layer


def _existing_key(layer: Mapping[str, Any], key: str) -> str:
    """The spelling that a layer already uses for a key."""
    return next((existing for existing in layer if existing.casefold() == key.casefold()), key)


def _merge(layers: list[Layer]) -> Layer:
    merged: Layer = {}
    for layer in reversed(layers):
        _overlay(merged, layer)
    return merged


def _overlay(below: Layer, above: Mapping[str, Any]) -> None:
    for key, value in above.items():
        existing = _existing_key(below, key)
        if isinstance(value, Mapping) and isinstance(below.get(existing), dict):
            _overlay(below[existing], value)
        else:
            below.pop(existing, None)
            below[key] = copy.deepcopy(value)


def _flatten(table: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in table.items():
        name = f"{prefix}{key}".casefold()
        yield name, value
        if isinstance(value, Mapping):
            yield from _flatten(value, f"{name}.")


def _plain(table: Mapping[str, Any]) -> Layer:
    """What TOML can hold of a table: without None, paths as text."""
    return {key: _plain_value(value) for key, value in table.items() if value is not None}


def _plain_value(value: Any) -> Any:
    if isinstance(value, Mapping):
        return _plain(value)
    if isinstance(value, (list, tuple)):
        return [_plain_value(each) for each in value]
    return os.fspath(value) if isinstance(value, os.PathLike) else value


def _write_beside(path: Path, content: bytes) -> None:
    """Write a file beside its place, then rename it: all or nothing.

    It has the permissions of the one that is there; a new one is for its owner only: an environment may hold secrets.
    """
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        beside.touch(0o600, exist_ok=False)
        beside.write_bytes(content)
        with contextlib.suppress(FileNotFoundError):
            beside.chmod(stat.S_IMODE(path.stat().st_mode))
        beside.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            beside.unlink()
        raise


def _to_toml(table: Layer) -> str | None:
    """A table as TOML; None if it would not be the same when read again."""
    encoder: toml.TomlEncoder[Layer] = toml.TomlEncoder()
    # Workaround for toml 0.10.2: it garbles text with a control character, or with a backslash before an x.
    encoder.dump_funcs[str] = functools.partial(json.dumps, ensure_ascii=False)
    try:
        text = toml.dumps(table, encoder=encoder)
        return text if toml.loads(text) == table else None
    except (IndexError, KeyError, TypeError, ValueError):
        return None


def _checked(known: KnownSetting, value: Any) -> Any:
    if value is None and known.default is None:
        return None
    if known.type is str and isinstance(value, os.PathLike):
        return os.fspath(value)
    if known.type is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if isinstance(value, known.type) and isinstance(value, bool) is (known.type is bool) and _is_sensible(value):
        return value
    raise InvalidSetting(
        f"The setting {known.key} must be {_a(known.type)}, not {value!r}. {known.meaning} (default: {known.default!r})"
    )


def _is_sensible(value: Any) -> bool:
    # All numbers among our settings are counts and durations. Not a number is not >= 0 either.
    return not isinstance(value, (int, float)) or value >= 0


def _a(kind: type[Any]) -> str:
    words = {
        str: "text",
        int: "a whole number, 0 or more",
        float: "a number, 0 or more",
        bool: "true or false",
        dict: "a table",
    }
    return words[kind]


def _from_environment(environ: Mapping[str, str]) -> Layer:
    """Settings from variables: HTMAP_DIR as it is; HTMAP_<KEY> for the others, ``__`` standing for the dot."""
    layer = Settings({})
    for name, text in _today(environ).items():
        if name == "HTMAP_DIR":
            layer[name] = text
        elif name.startswith("HTMAP_") and name not in _NOT_SETTINGS:
            key = name.removeprefix("HTMAP_").replace("__", ".")
            layer[key] = parsed(key, text)
    return layer._layers[0]  # noqa: SLF001 - as above


def _today(environ: Mapping[str, str]) -> dict[str, str]:
    """The variables under the names that they have now; of one that is set under both, the new name counts."""
    renamed = dict(environ)
    for old, new in _OLD_VARIABLES.items():
        if old in renamed:
            text = renamed.pop(old)
            if new not in renamed:
                renamed[new] = text
                warnings.warn(
                    f"HTMap: the environment variable {old} is called {new} now; its value is used.",
                    FutureWarning,
                    stacklevel=2,
                )
    return renamed


def parsed(key: str, text: str) -> Any:
    """What a text stands for as the value of a setting; itself, if that setting cannot have it."""
    known = _KNOWN_BY_KEY.get(key.casefold())
    if known is None or known.type is str:
        return text
    if known.type is bool:
        return {"true": True, "false": False}.get(text.casefold(), text)  # as below
    try:
        return known.type(text)
    except (TypeError, ValueError):
        return text  # refused with a sentence when it is looked up


def _nested(known: tuple[KnownSetting, ...]) -> Layer:
    nested = Settings({})
    for setting in known:
        nested[setting.key] = setting.default
    return nested._layers[0]  # noqa: SLF001 - as above


def _user_settings() -> Settings:
    try:
        return Settings.load(Path.home() / ".htmaprc")
    except (InvalidSetting, StorageError) as error:
        user = Settings({})
        if not isinstance(error.__cause__, FileNotFoundError):
            # `import htmap` must not fail for it (nor `htmap --help`): the first lookup does.
            user._problem = InvalidSetting(*error.args)  # noqa: SLF001 - as above
        return user
    except RuntimeError:
        return Settings({})  # this user has no home


BASE_SETTINGS = Settings(_nested(KNOWN))
"""The defaults of HTMap."""

USER_SETTINGS = _user_settings()
"""What ``~/.htmaprc`` says."""

settings = Settings({}, _from_environment(os.environ))._follow(USER_SETTINGS, BASE_SETTINGS)  # noqa: SLF001 - as above
