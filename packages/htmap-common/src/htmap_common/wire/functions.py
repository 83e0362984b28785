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
    """

    header: Mapping[str, Any]
    things: list[Thing]
    lists: int
    files: list[SentFile]
    argv: list[str]
    segments: Sequence[memoryview]


def encode_function(  # noqa: PLR0917 - as in `FunctionFile`
    header: Mapping[str, Any],
    things: Sequence[Thing],
    lists: int,
    files: Sequence[SentFile],
    argv: Sequence[str],
    segments: Sequence[Buffer],
) -> list[Buffer]:
    """A whole function file, as buffers to be written one after another."""
    said = {
        **header,
        "things": [list(thing) for thing in things],
        "lists": lists,
        "files": [list(file) for file in files],
        "argv": list(argv),
    }
    return encode_file(Kind.FUNCTION, said, segments, align=1 if len(segments) == 1 else _ALIGN)


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
    lists, files, argv = header.get("lists", 0), header.get("files", []), header.get("argv", [])
    if type(lists) is not int or not segments:
        raise Corrupt("its header does not say what the pickle consists of")
    if type(files) is not list:
        raise Corrupt("its header has no proper list of files")
    if type(argv) is not list or not all(type(each) is str for each in argv):
        raise Corrupt("its header has no proper command line")
    return FunctionFile(header, _things(header), lists, list(map(_file, files)), argv, segments)


def _things(header: Mapping[str, Any]) -> list[Thing]:
    things = header.get("things", [])
    if type(things) is not list:
        raise Corrupt("its header does not say what the program consists of")
    return list(map(_thing, things))


def _thing(item: Any) -> Thing:
    match item:
        case [str(module), str(qualname), str(shape), str(code), str(mark)]:
            return Thing(module, qualname, shape, code, mark)
    raise Corrupt("its header has no proper list of things")


def _file(item: Any) -> SentFile:
    match item:
        case [str(path), str() | None as protocol, str() | None as location, str(arrives_as)]:
            return SentFile(path, protocol, location, arrives_as)
    raise Corrupt("its header has no proper list of files")
