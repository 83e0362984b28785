"""The values of map options: what a user may write for one, and what is made of it.

In: what the user wrote. Out: text, paths, numbers of seconds, or one for each component (`PerComponent`). No I/O.
"""

from __future__ import annotations

import math
import numbers
import os
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeAlias, TypeGuard

from htmap.exceptions import InvalidOption, MisalignedInputData, WrongType
from htmap.language.words import to_seconds, unusable
from htmap_common import TransferPath

InputFile: TypeAlias = "str | os.PathLike[str] | TransferPath"
Value: TypeAlias = "str | int | float | bool"
Number: TypeAlias = "str | int | float"
Remaps: TypeAlias = Mapping[str, TransferPath]


@dataclass(frozen=True, slots=True)
class PerComponent:
    """An option with one value for each component of a map."""

    name: str
    values: tuple[Any, ...]

    def check_length(self, components: int) -> None:
        """Raise `MisalignedInputData` unless there is one value for each component."""
        if len(self.values) != components:
            raise MisalignedInputData(
                f"The map option {self.name} has {len(self.values)} values, but the map has {components} components. "
                "Give one value for each component, or a single value for all."
            )


def to_files(files: InputFile | Iterable[InputFile] | None) -> tuple[InputFile, ...]:
    """Files for all components, or for one: paths of this machine made absolute."""
    if files is None:
        return ()
    if isinstance(files, (str, os.PathLike, TransferPath)):
        return (_file(files),)
    return tuple(_file(each) for each in _finite(files))


def _file(file: InputFile) -> InputFile:
    if isinstance(file, TransferPath):
        _safe("an input file", str(file))
        return file
    if not isinstance(file, (str, os.PathLike)):
        raise WrongType(f"An input file must be a path or a TransferPath, not {file!r}.")
    text = _safe("an input file", os.fspath(file))
    if not text:
        raise InvalidOption("An input file has no name: '' is the folder you are in.")
    if isinstance(file, str) and "://" in file:
        return text
    # Relative to where the user is now, not to where the job will be submitted from.
    path = Path(text).absolute()
    return f"{path}/" if text.endswith("/") else path  # with the slash: only what is in the directory


def to_input_files(files: Iterable[InputFile | Iterable[InputFile]] | None) -> PerComponent | None:
    """The files of each component."""
    if files is None:
        return None
    if isinstance(files, (str, os.PathLike, TransferPath)):
        raise InvalidOption(
            f"The map option input_files needs one entry for each component, not just {str(files)!r}. "
            "A file for all components goes into fixed_input_files."
        )
    return PerComponent("input_files", tuple(to_files(each) for each in _finite(files)))


def to_remaps(remaps: Remaps | Iterable[Remaps] | None) -> Remaps | PerComponent | None:
    """The destinations of output files: the same for all components, or of each."""
    if remaps is None:
        return None
    if isinstance(remaps, Mapping):
        return dict(remaps)
    each_component = _finite(remaps)
    for each in each_component:
        if not isinstance(each, Mapping):
            raise WrongType(
                f"The map option output_remaps needs dictionaries from file names to TransferPaths, not {each!r}."
            )
    return PerComponent("output_remaps", tuple(dict(each) for each in each_component))


def _finite(values: Iterable[Any]) -> tuple[Any, ...]:
    """All values of an option.

    One-pass iterables are read once, here; so an options object can serve several maps. An endless one cannot be an
    option: nothing tells where it should end, as the inputs of the map may themselves be a generator.
    """
    try:
        return tuple(_limited(values))
    except TypeError as error:
        raise InvalidOption(f"A map option cannot be {values!r}: {error}") from None


_MOST_VALUES = 50_000_000


def _limited(values: Iterable[Any]) -> Iterable[Any]:
    for count, value in enumerate(values):
        if count >= _MOST_VALUES:
            raise InvalidOption("An iterable given as a map option does not seem to end.")
        yield value


def to_chunksize(chunksize: int | str | None) -> int | str | None:
    """A number of components, or a duration as it was written."""
    if chunksize is None or chunksize == "auto":
        return chunksize
    if isinstance(chunksize, str) and to_seconds(chunksize):
        return chunksize
    if isinstance(chunksize, bool) or not isinstance(chunksize, numbers.Integral) or not 1 <= chunksize <= sys.maxsize:
        raise InvalidOption(
            "chunksize must be a whole number of components, 1 or more, or a duration such as '30s', '10min' or '1h', "
            f"or 'auto', not {chunksize!r}."
        )
    return int(chunksize)


def to_flag(name: str, value: object) -> bool | None:
    """A truth value; None: nothing was said."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str) and value.casefold() in _FLAGS:  # from a variable of the environment
        return _FLAGS[value.casefold()]
    raise InvalidOption(f"{name} must be True or False, not {value!r}.")


_FLAGS = {"true": True, "false": False}


def to_interval(name: str, interval: float | timedelta | str | None) -> float | None:
    """A number of seconds; None: nothing was said."""
    if interval is None:
        return None
    seconds: object = interval
    if isinstance(interval, timedelta):
        seconds = interval.total_seconds()
    elif isinstance(interval, str):
        seconds = to_seconds(interval)
    if isinstance(seconds, bool) or not isinstance(seconds, numbers.Real) or not 0 < float(seconds) < math.inf:
        raise InvalidOption(
            f"{name} must be a number of seconds above 0, a duration such as '30s', '10min' or '1h', or a "
            f"timedelta, not {interval!r}."
        )
    return float(seconds)


def is_iterable(thing: object) -> TypeGuard[Iterable[Any]]:
    """Whether a ``for`` loop takes it: also an old sequence, which has items by number and nothing more."""
    try:
        iter(thing)  # type: ignore[call-overload]  # that is the question
    except TypeError:
        return False
    return True


def to_value(name: str, value: Value | Iterable[Value]) -> str | PerComponent:
    """What stands behind the ``=`` of a submit command."""
    if isinstance(value, (str, numbers.Real)):
        return _scalar(name, value)
    if not is_iterable(value) or isinstance(value, (bytes, Mapping)):
        raise InvalidOption(
            f"The map option {name} cannot be {value!r}: give text, a number, or one for each component."
        )
    return PerComponent(name, tuple(_scalar(name, each) for each in _finite(value)))


def _scalar(name: str, value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, numbers.Integral):
        return str(int(value))
    if isinstance(value, numbers.Real) and math.isfinite(value):
        return str(float(value))
    if isinstance(value, str):
        return _safe(f"the map option {name}", value)
    raise InvalidOption(f"The map option {name} cannot hold {value!r}: give text or a number.")


def _safe(what: str, text: str) -> str:
    bad = unusable(text, takes_macros=True)
    if bad == "\\":
        raise InvalidOption(
            f"The value of {what} ends with a backslash: {text!r}. HTCondor would join the next line to it."
        )
    if bad is not None:
        raise InvalidOption(f"The value of {what} holds the control character {bad!r}: {text!r}.")
    return text
