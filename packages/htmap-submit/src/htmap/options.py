"""Map options: the submit descriptors that a user gives to a map.

In: what the user wrote. Out: checked and normalised values, for `htmap.create.description` to render. No I/O.
"""

from __future__ import annotations

import math
import numbers
import os
import re
import sys
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar, TypeAlias, TypeGuard

from htmap.exceptions import InvalidOption, MisalignedInputData, ReservedOptionKeyword, WrongType
from htmap.language import commands
from htmap.language.command_types import Kind
from htmap.language.words import is_misspelt_size, to_seconds, unusable
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


class MapOptions:
    r"""The options of a map.

    Parameters
    ----------
    fixed_input_files
        A single file, or an iterable of files, to send to all components of the map. Each arrives under its last name
        where the function runs; a directory whose name ends with a slash stands for what is in it.
    input_files
        An iterable of files, or of iterables of files: one entry for each component.
    output_remaps
        A dictionary, or an iterable of dictionaries (one for each component), from the name of an output file to the
        `htmap.TransferPath` it is to be sent to instead of coming back. The name is the one that it has in
        ``map.output_files[component]``, such as ``"out.txt"`` or ``"folder/out.txt"``. In a dictionary for several
        components, ``$(component)`` in each place tells them apart. Folders for the places are made. A directory may be
        remapped to one on this machine, but not to a URL.
    custom_options
        Attributes of your own for the job: what a submit file would write with a leading ``+`` or ``MY.``.
    chunksize
        How many components one job runs, one after another. Default 1. A duration such as ``"10min"`` lets a job run
        for about that long, ``"auto"`` for as long as suits the backend; how long a component takes is read from an
        earlier map of the function, or found out by running the first few.
    fresh_process
        If True, components that share a job do not share a process: each loads the function again. For functions that
        leak memory, or leave something behind that the next call stumbles over.
    checkpoint_interval
        Seconds, a timedelta, or a duration such as ``"1h"``: so often, checkpoints (and the results of finished
        components that share a job with others) are sent to the access point, from where the job can go on even if its
        node is lost without notice. To send them, HTMap ends the function inside `htmap.checkpoint` and starts it again
        from that checkpoint, so choose much more than it takes to get going; an hour is a good beginning. Default:
        they are sent when the job is evicted, and the function is not interrupted.
    end_within
        Seconds, a timedelta, or a duration: so long may take what a function leaves for the end of its program, as
        threads and atexit handlers (default: 5 minutes). The result of a component does not count before that.
    show_locals
        If False, reports of errors show no local variables, and none leave the node. Default True.
    request_cpus, request_gpus
        How many of them each job needs.
    request_memory, request_disk
        How much each job needs, such as ``"2GB"``. A bare number is MB of memory, and KB of disk, as in HTCondor. The
        text may be an expression, such as ``"MemoryUsage * 2"``.
    requirements
        A ClassAd expression of what the machine must have. Those of the map, of the settings and of the delivery method
        must all hold.
    rank
        A ClassAd expression: machines for which it is larger are better.
    environment
        Variables for the function: ``'"NAME=value OTHER=\'two words\'"'``.
    accounting_group
        The group that is charged, in pools that have them.
    priority
        Which of your own jobs run first; larger is earlier.
    kwargs
        Any other descriptor of HTCondor's submit language, in any of its spellings (`RequestMemory`, ``env``). Text is
        used exactly as written after the ``=``; numbers and booleans are written as HTCondor writes them. An iterable
        gives each component its own value. A name that HTCondor does not know is warned of.

    Examples
    --------
    >>> options = htmap.MapOptions(request_memory="200MB", chunksize=10)
    >>> len(htmap.map(str, range(100), options, quiet=True))
    100
    """

    RESERVED_KEYS: ClassVar[frozenset[str]] = commands.reserved_names()

    def __init__(
        self,
        *,
        fixed_input_files: InputFile | Iterable[InputFile] | None = None,
        input_files: Iterable[InputFile | Iterable[InputFile]] | None = None,
        output_remaps: Remaps | Iterable[Remaps] | None = None,
        custom_options: Mapping[str, Value | Iterable[Value]] | None = None,
        chunksize: int | str | None = None,
        fresh_process: bool | None = None,
        checkpoint_interval: float | timedelta | str | None = None,
        end_within: float | timedelta | str | None = None,
        show_locals: bool | None = None,
        request_cpus: Number | Iterable[Number] | None = None,
        request_memory: Number | Iterable[Number] | None = None,
        request_disk: Number | Iterable[Number] | None = None,
        request_gpus: Number | Iterable[Number] | None = None,
        requirements: str | Iterable[str] | None = None,
        rank: Number | Iterable[Number] | None = None,
        environment: str | Iterable[str] | None = None,
        accounting_group: str | Iterable[str] | None = None,
        priority: Number | Iterable[Number] | None = None,
        **kwargs: Value | Iterable[Value],
    ) -> None:
        self.fixed_input_files: tuple[InputFile, ...] = _files(fixed_input_files)
        self.input_files: PerComponent | None = _input_files(input_files)
        self.output_remaps: Mapping[str, TransferPath] | PerComponent | None = _remaps(output_remaps)
        self.chunksize: int | str | None = _chunksize(chunksize)
        self.fresh_process: bool | None = _flag("fresh_process", fresh_process)
        self.checkpoint_interval: float | None = _interval("checkpoint_interval", checkpoint_interval)
        self.end_within: float | None = _interval("end_within", end_within)
        self.show_locals: bool | None = _flag("show_locals", show_locals)
        named = {
            "request_cpus": request_cpus,
            "request_memory": request_memory,
            "request_disk": request_disk,
            "request_gpus": request_gpus,
            "requirements": requirements,
            "rank": rank,
            "environment": environment,
            "accounting_group": accounting_group,
            "priority": priority,
        }
        given = {**{name: value for name, value in named.items() if value is not None}, **kwargs}
        _check_reserved([*(custom_options or {}), *given])
        self.custom_options: dict[str, str | PerComponent] = {}
        for name, value in (custom_options or {}).items():
            bare = _custom_name(name)
            self.custom_options[bare] = _custom_value(bare, value)
        self.descriptors: dict[str, str | PerComponent] = {}
        for name, value in given.items():
            known = _descriptor_name(name)
            if known in self.descriptors:
                raise InvalidOption(f"The map option {known} is given twice, once as {name}: give it once.")
            self.descriptors[known] = _value(known, value)
        _check_sizes(self.descriptors)
        _warn_of_unknown(given, self.descriptors)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, MapOptions) and vars(self) == vars(other)

    __hash__ = None  # type: ignore[assignment]  # mutable

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={value!r}" for name, value in vars(self).items() if value)
        return f"MapOptions({shown})"

    @classmethod
    def merge(cls, *others: MapOptions) -> MapOptions:
        """Merge map options; those further left win.

        Fixed input files of all are sent, and the requirements of all must be satisfied. Nothing is changed in place.
        """
        merged = cls()
        for options in reversed(others):
            if not isinstance(options, MapOptions):
                raise WrongType(f"The options of a map must be a MapOptions, not {options!r}.")
            merged.input_files = options.input_files or merged.input_files
            merged.output_remaps = options.output_remaps or merged.output_remaps
            merged.chunksize = options.chunksize or merged.chunksize
            if options.fresh_process is not None:
                merged.fresh_process = options.fresh_process
            if options.show_locals is not None:
                merged.show_locals = options.show_locals
            merged.end_within = options.end_within or merged.end_within
            merged.checkpoint_interval = options.checkpoint_interval or merged.checkpoint_interval
            merged.custom_options = _overlay(merged.custom_options, options.custom_options)
            requirements = all_required(merged.descriptors.get("requirements"), options.descriptors.get("requirements"))
            merged.descriptors = _overlay(merged.descriptors, options.descriptors)
            if requirements is not None:
                merged.descriptors["requirements"] = requirements
        merged.fixed_input_files = tuple(dict.fromkeys(file for each in others for file in each.fixed_input_files))
        return merged

    @classmethod
    def from_settings(cls, table: Mapping[str, Any]) -> MapOptions:
        """The default options: the table MAP_OPTIONS of the settings, where case does not matter."""
        own = {name: value for name, value in table.items() if _bare(name) != name}
        options = {name.casefold(): value for name, value in table.items() if name not in own}
        if own:
            options["custom_options"] = {**own, **options.get("custom_options", {})}
        for name in ("chunksize", "checkpoint_interval", "end_within"):
            number = options.get(name)
            if isinstance(number, str) and _NUMBER.fullmatch(number):  # from a variable of the environment
                options[name] = float(number) if "." in number else int(number)
        try:
            return cls(**options)
        except InvalidOption as error:
            raise type(error)(f"{error} It comes from the setting MAP_OPTIONS.") from None

    def per_component(self) -> list[PerComponent]:
        """The options that vary over the components."""
        candidates = [*self.descriptors.values(), *self.custom_options.values(), self.input_files, self.output_remaps]
        return [option for option in candidates if isinstance(option, PerComponent)]


def all_required(*requirements: str | PerComponent | None) -> str | PerComponent | None:
    """One requirement that holds when all the given ones do."""
    present = [each for each in requirements if each]
    if not present:
        return None
    if len(present) == 1:
        return present[0]
    length = next((len(each.values) for each in present if isinstance(each, PerComponent)), None)
    if length is None:
        return " && ".join(f"({each})" for each in present)
    for each in present:
        if isinstance(each, PerComponent) and len(each.values) != length:
            raise MisalignedInputData(
                f"The map option requirements, given twice, has {length} values and {len(each.values)} values. "
                "Give one value for each component, or a single value for all."
            )
    columns = [each.values if isinstance(each, PerComponent) else (each,) * length for each in present]
    return PerComponent(
        "requirements", tuple(" && ".join(f"({each})" for each in row) for row in zip(*columns, strict=True))
    )


def _overlay(
    below: Mapping[str, str | PerComponent], above: Mapping[str, str | PerComponent]
) -> dict[str, str | PerComponent]:
    taken = {name.casefold() for name in above}
    return {**{name: value for name, value in below.items() if name.casefold() not in taken}, **above}


def _files(files: InputFile | Iterable[InputFile] | None) -> tuple[InputFile, ...]:
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


def _input_files(files: Iterable[InputFile | Iterable[InputFile]] | None) -> PerComponent | None:
    if files is None:
        return None
    if isinstance(files, (str, os.PathLike, TransferPath)):
        raise InvalidOption(
            f"The map option input_files needs one entry for each component, not just {str(files)!r}. "
            "A file for all components goes into fixed_input_files."
        )
    return PerComponent("input_files", tuple(_files(each) for each in _finite(files)))


def _remaps(remaps: Remaps | Iterable[Remaps] | None) -> Remaps | PerComponent | None:
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


def _chunksize(chunksize: int | str | None) -> int | str | None:
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


def _flag(name: str, value: object) -> bool | None:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str) and value.casefold() in _FLAGS:  # from a variable of the environment
        return _FLAGS[value.casefold()]
    raise InvalidOption(f"{name} must be True or False, not {value!r}.")


_FLAGS = {"true": True, "false": False}
_NUMBER = re.compile(r"\d+(\.\d+)?")


def _interval(name: str, interval: float | timedelta | str | None) -> float | None:
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


_RESERVED = frozenset(key.casefold() for key in MapOptions.RESERVED_KEYS)


def _descriptor_name(name: str) -> str:
    bare = _bare(name)
    _check_name(bare)
    if bare != name:
        raise InvalidOption(f"Give {name!r} through custom_options, without the leading mark.")
    return commands.canonical(name)


def _custom_name(name: str) -> str:
    bare = _bare(name)
    _check_name(bare)
    return bare


def _bare(name: str) -> str:
    """The name of an attribute without what marks it as one's own."""
    bare = name.removeprefix("+")
    return bare[3:] if bare.casefold().startswith("my.") else bare


def _check_sizes(descriptors: Mapping[str, str | PerComponent]) -> None:
    """Refuse ``request_memory="2 gigs"`` before a pool does, or worse, takes it for an expression."""
    for name, option in descriptors.items():
        known = commands.find(name)
        if known is None or known.kind not in {Kind.MEMORY, Kind.DISK}:
            continue
        for value in option.values if isinstance(option, PerComponent) else (option,):
            if is_misspelt_size(value):
                unit = "MB" if known.kind is Kind.MEMORY else "KB"
                raise InvalidOption(
                    f"The map option {name} cannot be {value!r}: write an amount such as '512MB' or '2GB'. "
                    f"A bare number is in {unit}."
                )


def _warn_of_unknown(given: Iterable[str], descriptors: Mapping[str, str | PerComponent]) -> None:
    """Say what HTCondor would pass over in silence."""
    values = [value for value in descriptors.values() if isinstance(value, str)]
    for name in given:
        meant = commands.mistyped_request(name)
        if meant is not None:
            raise InvalidOption(f"HTCondor has no submit command {name}: did you mean {meant}?")
        why = commands.why_unknown(name, values)
        if why is not None:
            warnings.warn(why, stacklevel=_callers_level())


def _callers_level() -> int:
    """How many frames above the caller of this the first one is that is not in this module."""
    frame, level = sys._getframe(1), 1  # noqa: SLF001 - what warnings itself does
    while frame.f_back is not None and frame.f_globals.get("__name__") == __name__:
        frame, level = frame.f_back, level + 1
    return level


def _custom_value(name: str, value: Value | Iterable[Value]) -> str | PerComponent:
    """The text of an attribute: an expression, so text of its own needs quotes, as in a submit file."""
    option = _value(f"MY.{name}", value)
    for text in option.values if isinstance(option, PerComponent) else (option,):
        if _WORDS_WITHOUT_QUOTES.fullmatch(text) or text.count('"') % 2:
            plain = text.replace('"', "")
            raise InvalidOption(
                f"The custom option {name} cannot be {text!r}: text needs double quotes inside those of Python. Write "
                f"{name!r}: '\"{plain}\"'."
            )
    return option


_WORDS_WITHOUT_QUOTES = re.compile(r"[\w.-]+(\s+[\w.-]+)+")


def _check_reserved(names: Iterable[str]) -> None:
    """Refuse what HTMap sets itself; all such names at once."""
    reserved = [name for name in map(_bare, names) if name.casefold() in _RESERVED]
    if len(reserved) == 1:
        raise ReservedOptionKeyword(f"The map option {reserved[0]!r} is reserved: HTMap sets it itself.")
    if reserved:
        spelled = ", ".join(map(repr, reserved))
        raise ReservedOptionKeyword(f"The map options {spelled} are reserved: HTMap sets them itself.")


def _check_name(name: str) -> None:
    if not name or not all(mark.isalnum() or mark in "_." for mark in name):
        raise InvalidOption(f"{name!r} cannot be the name of a map option.")


def is_iterable(thing: object) -> TypeGuard[Iterable[Any]]:
    """Whether a ``for`` loop takes it: also an old sequence, which has items by number and nothing more."""
    try:
        iter(thing)  # type: ignore[call-overload]  # that is the question
    except TypeError:
        return False
    return True


def _value(name: str, value: Value | Iterable[Value]) -> str | PerComponent:
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
