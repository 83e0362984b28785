"""Function files: the program of a map.

In: a pickled program and what is to be known of it without unpickling, from the submit side. Out: the same, on the node
and, when results are loaded, on the submit side. What a header says that makes no sense is `Corrupt`.

All that is beside the pickle may be missing: 0.1.0 wrote the function alone, with what it consists of inside.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from .errors import Corrupt, naming
from .files import encode_file, read_header, read_record
from .framing import Kind
from .inputs import SentFile
from .source import Buffer

_ALIGN = 64


class Thing(NamedTuple):
    """What is said of a class, a function or a named value of the program.

    Attributes
    ----------
    module, qualname
        Where it was found; the module is empty if it was not found under its own name.
    shape, code
        Fingerprints: of what an object of a class must fit into, and of all that the thing does.
    mark
        By which the process that sent a class knows it; empty for others.
    """

    module: str
    qualname: str
    shape: str
    code: str
    mark: str


class FunctionFile(NamedTuple):
    """A whole function file.

    Attributes
    ----------
    header
        All that it says, for people and tools.
    things
        What the program consists of. Pickles of the map refer to them by number.
    lists
        How many lists of things follow the function in the pickle.
    files
        Files that the function refers to, which go along with each component.
    argv
        The command line of the program, without its arguments.
    segments
        The pickle, and its buffers.
    extras
        Pickles of what code of the program may look up by name: module, name, pickle. Any of them may fail to load.
    """

    header: Mapping[str, Any]
    things: list[Thing]
    lists: int
    files: list[SentFile]
    argv: list[str]
    segments: Sequence[memoryview]
    extras: list[tuple[str, str, memoryview]]


def encode_function(  # noqa: PLR0917 - as in `FunctionFile`
    header: Mapping[str, Any],
    things: Sequence[Thing],
    lists: int,
    files: Sequence[SentFile],
    argv: Sequence[str],
    segments: Sequence[Buffer],
    extras: Sequence[tuple[str, str, Buffer]] = (),
) -> list[Buffer]:
    """A whole function file, as buffers to be written one after another."""
    said = {
        **header,
        "things": [list(thing) for thing in things],
        "lists": lists,
        "files": [list(file) for file in files],
        "argv": list(argv),
        "extras": [[module, name] for module, name, _ in extras],
    }
    everything = [*segments, *(pickled for _, _, pickled in extras)]
    return encode_file(Kind.FUNCTION, said, everything, align=1 if len(segments) == 1 else _ALIGN)


def read_function(path: str | os.PathLike[str]) -> FunctionFile:
    """A whole function file. Raises `WireError` or OSError."""
    record = read_record(path, Kind.FUNCTION)
    with naming(path):
        return _decoded(record.header, record.segments)


def read_things(path: str | os.PathLike[str]) -> list[Thing]:
    """What the program consists of; the pickle is neither read nor checked. Raises `WireError` or OSError."""
    header = read_header(path, Kind.FUNCTION)
    with naming(path):
        return _things(header)


def _decoded(header: Mapping[str, Any], segments: Sequence[memoryview]) -> FunctionFile:
    lists, argv = header.get("lists", 0), header.get("argv", [])
    extras = list(map(_extra, _list(header, "extras")))
    if type(lists) is not int or len(segments) <= len(extras):
        raise Corrupt("its header does not say what the pickle consists of")
    if type(argv) is not list or not all(type(each) is str for each in argv):
        raise Corrupt("its header has no proper command line")
    own, others = segments[: len(segments) - len(extras)], segments[len(segments) - len(extras) :]
    found = [(module, name, pickled) for (module, name), pickled in zip(extras, others, strict=True)]
    files = list(map(_file, _list(header, "files")))
    return FunctionFile(header, _things(header), lists, files, argv, own, found)


def _things(header: Mapping[str, Any]) -> list[Thing]:
    return list(map(_thing, _list(header, "things")))


def _list(header: Mapping[str, Any], key: str) -> list[Any]:
    items = header.get(key, [])
    if type(items) is not list:
        raise Corrupt(f"its header has no proper list of {key}")
    return items


def _thing(item: Any) -> Thing:
    match item:
        case [str(module), str(qualname), str(shape), str(code), str(mark)]:
            return Thing(module, qualname, shape, code, mark)
    raise Corrupt("its header has no proper list of things")


def _extra(item: Any) -> tuple[str, str]:
    match item:
        case [str(module), str(name)]:
            return module, name
    raise Corrupt("its header has no proper list of extras")


def _file(item: Any) -> SentFile:
    match item:
        case [str(path), str() | None as protocol, str() | None as location, str(arrives_as)]:
            return SentFile(path, protocol, location, arrives_as)
    raise Corrupt("its header has no proper list of files")
