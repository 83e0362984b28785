"""Map options: the submit descriptors that a user gives to a map.

In: what the user wrote. Out: checked and normalised values, for `htmap.create.description` to render. No I/O.
"""

from __future__ import annotations

import re
import sys
import warnings
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any, ClassVar

from htmap.exceptions import InvalidOption, MisalignedInputData, ReservedOptionKeyword, WrongType
from htmap.language import commands
from htmap.language.command_types import Kind
from htmap.language.words import is_misspelt_size
from htmap.option_values import (
    InputFile,
    Number,
    PerComponent,
    Remaps,
    Value,
    to_chunksize,
    to_files,
    to_flag,
    to_input_files,
    to_interval,
    to_remaps,
    to_value,
)
from htmap_common import TransferPath


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
        self.fixed_input_files: tuple[InputFile, ...] = to_files(fixed_input_files)
        self.input_files: PerComponent | None = to_input_files(input_files)
        self.output_remaps: Mapping[str, TransferPath] | PerComponent | None = to_remaps(output_remaps)
        self.chunksize: int | str | None = to_chunksize(chunksize)
        self.fresh_process: bool | None = to_flag("fresh_process", fresh_process)
        self.checkpoint_interval: float | None = to_interval("checkpoint_interval", checkpoint_interval)
        self.end_within: float | None = to_interval("end_within", end_within)
        self.show_locals: bool | None = to_flag("show_locals", show_locals)
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
            self.descriptors[known] = to_value(known, value)
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


_NUMBER = re.compile(r"\d+(\.\d+)?")
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
    option = to_value(f"MY.{name}", value)
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
