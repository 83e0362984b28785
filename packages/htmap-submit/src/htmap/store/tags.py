"""Tags: the names of maps.

A tag is a file ``tags/<tag>`` of kind ``tag`` that holds the uid of its map. It is claimed by a hard link, which
fails if the name is taken: two processes never share a tag, and nobody sees a tag without its uid.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import secrets
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from htmap.exceptions import DamagedFile, HTMapException, InvalidTag, TagAlreadyExists, TagNotFound
from htmap.store.atomic import storage_errors, write_file
from htmap.store.locks import exclusive
from htmap.store.mapdir import Home
from htmap.store.old_tool import is_tag_of_old_tool
from htmap.store.trust import check_trusted
from htmap_common.wire import Buffer, Kind, WireError, encode_file, read_header

# A tag becomes a file name, a JobBatchName and a word on a command line: letters and digits of any script, and a few
# marks that mean nothing to a shell, a glob, a submit description or a file system.
_VALID = re.compile(r"[\w][\w.+=@-]*")
_MAX_BYTES = 200
_UID = re.compile(r"[0-9a-f]{1,32}")

# fmt: off
_ADJECTIVES = (  # noqa: SIM905 - words read better as text
    "amber bold brave bright brisk calm clear coral crisp curious dapper deep eager early fair fleet fond gentle "
    "glad golden grand green happy hardy honest ivory jolly keen kind late light lively lucky mellow merry mild "
    "neat noble olive open patient plain polite proud quick quiet rapid ready royal rustic sharp shy silent silver "
    "smart snug solid steady sunny swift tidy vivid warm wise witty young"
).split()
_ANIMALS = (  # noqa: SIM905 - as above
    "ant badger bat bear beaver bee bison boar carp cat crab crane crow deer dog dove duck eagle eel elk emu falcon "
    "ferret finch fox frog gecko goat goose gull hare hawk heron horse ibex jay kiwi koala lark lemur lion llama lynx "
    "mole moose moth mouse newt okapi orca otter owl panda pike puma quail rabbit raven robin seal shrew skua sloth "
    "snail sole stork swan swift tapir tern tiger toad trout viper vole wasp whale wolf wren yak zebra"
).split()
# fmt: on


@dataclass(frozen=True, slots=True)
class Tag:
    """What a tag file says."""

    tag: str
    uid: str
    transient: bool


def check(tag: str) -> str:
    """The tag in the one spelling used on disk.

    Raises
    ------
    InvalidTag
        It cannot be a tag; the message says why.
    """
    if not isinstance(tag, str):
        raise InvalidTag(f"A tag must be text, not {type(tag).__name__}.")
    # The same word typed on two machines may differ in bytes; file systems disagree on whether that matters.
    tag = unicodedata.normalize("NFC", tag)
    if not tag:
        raise InvalidTag("A tag cannot be empty.")
    if len(tag.encode("utf-8", "surrogatepass")) > _MAX_BYTES:
        raise InvalidTag(f"The tag {tag[:40]!r}... is too long: at most {_MAX_BYTES} bytes.")
    if not _VALID.fullmatch(tag):
        bad = next((mark for mark in tag if not re.fullmatch(r"[\w.+=@-]", mark)), tag[0])
        raise InvalidTag(
            f"The tag {tag!r} cannot be used because of {bad!r}: "
            "a tag is made of letters, digits and _ . - + = @, and begins with a letter, a digit or _."
        )
    return tag


def path_of(home: Home, tag: str) -> Path:
    """The file of a tag. Its name is UTF-8 on disk, whatever the locale of this process has for names of files."""
    return home.tags / os.fsdecode(tag.encode("utf-8", "surrogateescape"))


def random_tag(home: Home) -> str:
    """A tag that is not in use, easy to read and to type."""
    while True:
        words = (secrets.choice(_ADJECTIVES), secrets.choice(_ADJECTIVES), secrets.choice(_ANIMALS))
        tag = "-".join(words)
        if not path_of(home, tag).exists():
            return tag


@contextlib.contextmanager
def _changing(home: Home, doing: str) -> Iterator[None]:
    """One change of tags at a time: to look at a tag and then take it away is two steps."""
    with storage_errors(doing), exclusive(home.path / "tags.lock"):
        yield


def claim(home: Home, tag: Tag) -> None:
    """Give a tag to a map, or raise `TagAlreadyExists`."""
    with _changing(home, f"claim the tag {tag.tag!r}"):
        _claim(home, tag)


def _claim(home: Home, tag: Tag) -> None:
    beside = home.tags / f".{tag.uid}"  # one at a time: whoever claims a tag for a map holds its lock
    content = b"".join(_content(tag))
    try:
        beside.touch(0o600)
        beside.write_bytes(content)
        _link_new(beside, path_of(home, tag.tag), content)
    except FileExistsError:
        raise _taken(home, tag.tag) from None
    finally:
        beside.unlink(missing_ok=True)


def _link_new(source: Path, target: Path, content: bytes) -> None:
    try:
        os.link(source, target)
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.ENOTSUP, errno.EMLINK, errno.EXDEV, errno.ENOSYS):
            raise
        # A file system without hard links: still exclusive, but a reader may for a moment see it empty.
        with target.open("xb") as file:
            file.write(content)


def release(home: Home, tag: str, uid: str) -> None:
    """Take a tag away from a map, unless it names another one by now."""
    with _changing(home, f"release the tag {tag!r}"):
        _release(home, tag, uid)


def _release(home: Home, tag: str, uid: str) -> None:
    with contextlib.suppress(TagNotFound, DamagedFile):
        if find(home, tag).uid != uid:
            return
    path_of(home, tag).unlink(missing_ok=True)


def discard_damaged(home: Home, tag: str) -> bool:
    """Remove a tag whose file does not say which map it names. Returns whether it was such a one."""
    with _changing(home, f"discard the tag {tag!r}"):
        try:
            find(home, tag)
        except DamagedFile:
            path_of(home, tag).unlink()
            return True
        return False


def replace(home: Home, old: Tag | None, new: Tag) -> None:
    """Give a map a new tag in place of its old one. Killed at any moment, the map has one of the two."""
    with _changing(home, f"change the tag {new.tag!r}"):
        if old is None:
            _claim(home, new)
            return
        if old.tag != new.tag and os.path.lexists(path_of(home, new.tag)):
            raise _taken(home, new.tag)
        write_file(path_of(home, old.tag), _content(new))
        # Not a link to it and away with the old one, in two steps: whoever claims a tag waits for the lock.
        path_of(home, old.tag).rename(path_of(home, new.tag))


def _content(tag: Tag) -> list[Buffer]:
    return list(encode_file(Kind.TAG, {"uid": tag.uid, "transient": tag.transient}))


def _taken(home: Home, tag: str) -> TagAlreadyExists:
    if is_tag_of_old_tool(path_of(home, tag)):
        return TagAlreadyExists(_of_old_tool(home, tag))
    return TagAlreadyExists(
        f"There is a map with the tag {tag!r} already. "
        f"Load it with htmap.load({tag!r}), remove it, or choose another tag."
    )


def _of_old_tool(home: Home, tag: str) -> str:
    return (
        f"The tag {tag!r} is that of a map which the HTMap before this one has made in {home.path}: only that version "
        "can load or remove it. Choose another tag, or another HTMAP_DIR."
    )


def find(home: Home, tag: str) -> Tag:
    """Look up a tag.

    Raises
    ------
    TagNotFound
        No map has it.
    DamagedFile
        Its file cannot be read.
    """
    try:
        tag = check(tag)
        return _read(path_of(home, tag), tag)
    except (FileNotFoundError, InvalidTag):
        raise TagNotFound(f"There is no map with the tag {str(tag)!r} in {home.path}.") from None
    except (WireError, KeyError, TypeError) as error:
        if is_tag_of_old_tool(path_of(home, tag)):
            raise TagNotFound(_of_old_tool(home, tag)) from None
        raise DamagedFile(
            f"The tag {tag!r} is damaged: {error} The map itself may be whole: "
            f"look for its uid in {home.maps}, or remove the file {path_of(home, tag)}."
        ) from error
    except OSError:
        with storage_errors(f"read the tag {tag!r}"):
            raise


def _read(path: Path, tag: str) -> Tag:
    check_trusted(path)
    header = read_header(path, Kind.TAG)
    uid, transient = header["uid"], header.get("transient", False)
    # It becomes a path.
    if type(uid) is not str or not _UID.fullmatch(uid) or type(transient) is not bool:
        raise TypeError(f"{path} does not say which map it names.")
    return Tag(tag, uid, transient)


def names(home: Home) -> list[str]:
    """All tags, sorted; those that the HTMap before this one has given are left out."""
    with storage_errors("list tags"):
        visible = [path for path in home.tags.iterdir() if not path.name.startswith(".")]
    # As on disk: a locale with other names for files would show another tag, which is none.
    ours = (os.fsencode(path.name) for path in visible if not is_tag_of_old_tool(path))
    return sorted(name.decode("utf-8", "surrogateescape") for name in ours)


def sweep_unclaimed(home: Home, is_in_use: Callable[[str], bool]) -> None:
    """Remove what was left of a claim that was killed, unless the map of that uid is in use by its maker."""
    with _changing(home, "sweep tags"):
        for path in home.tags.glob(".*"):
            if not is_in_use(path.name.removeprefix(".")):
                path.unlink(missing_ok=True)


def tag_of(home: Home, uid: str) -> Tag | None:
    """The tag that a map has now: another process may have retagged it."""
    for name in names(home):
        with contextlib.suppress(HTMapException):  # that tag has a problem, or is gone: it is not this map's
            tag = find(home, name)
            if tag.uid == uid:
                return tag
    return None
