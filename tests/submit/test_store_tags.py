"""Mirrors htmap.store.tags: the names of maps."""

from __future__ import annotations

import errno
import os
import stat
import string
import threading
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from htmap.exceptions import DamagedFile, InvalidTag, StorageError, TagAlreadyExists, TagNotFound
from htmap.store import tags
from htmap.store.mapdir import Home
from htmap.store.tags import Tag
from htmap_common.wire import Kind, encode_file


def test_ordinary_tags_are_taken_as_they_are() -> None:
    for tag in ("fit", "fit-2026-03-01", "a.b_c+d=e@f", "7", "_x", "Überprüfung", "测试", "x" * 200):
        assert tags.check(tag) == tag


@pytest.mark.parametrize(
    "tag",
    [
        "", ".", "..", "...", ".hidden", "-rf", "--help", "+x", "a/b", "/", "../x", "a\\b", "a b", " a", "a ", "a\n",
        "\n", "a\0b", "\0", "a\tb", "a\x1fb", "a\x7f", "a\x85b", "a\u2028b", "$(x)", "a$(component)", "$x", "`x`",
        "a;b", "a|b", "a&b", "a>b", "a<b", "a*b", "a?b", "[a]", "a'b", 'a"b', "a,b", "a:b", "#a", "a#b", "!a", "~",
        "~root", "%s", "a^b", "(a)", "{a}", "\ud800", "\u202ea", "a\u200bb", "x" * 201, "é" * 101,
    ],
)  # fmt: skip
def test_hostile_and_overlong_tags_are_refused(tag: str) -> None:
    with pytest.raises(InvalidTag):
        tags.check(tag)


@pytest.mark.parametrize("tag", [None, 7, b"fit", Path("fit")])
def test_a_tag_is_text(tag: object) -> None:
    with pytest.raises(InvalidTag, match="must be text"):
        tags.check(tag)  # type: ignore[arg-type]


def test_the_mark_that_is_wrong_is_named() -> None:
    with pytest.raises(InvalidTag, match=r"'a b' cannot be used because of ' '"):
        tags.check("a b")
    with pytest.raises(InvalidTag, match=r"because of '-'.*begins with a letter"):
        tags.check("-a")


# Letters that become something else when they are normalized, and marks that mean something to a path or a shell.
TRICKY = st.sampled_from("/\\.-~$()*?;&|<>'\"`\n\0 \u037e\u1fef\u2024\uff0f\u2215\u212a\u0301\u0345a1_é")


@given(st.text() | st.text(TRICKY, max_size=8) | st.text(st.sampled_from(string.printable), max_size=8))
def test_no_tag_leaves_its_directory_or_means_something_elsewhere(text: str) -> None:
    try:
        tag = tags.check(text)
    except InvalidTag:
        return
    directory = Path("/htmap/tags")
    place = directory / tag
    assert place.parent == directory
    assert place.name == tag
    assert os.path.normpath(place) == str(place)
    assert len(os.fsencode(place.name)) <= 200
    assert tag[0] not in ".-"
    assert not set(tag) & set("/\\$()*?[]{};&|<>'\"`~#!%^,: \t\r\n\0")
    assert not any(unicodedata.category(mark)[0] in "CZ" for mark in tag)
    assert tags.check(tag) == tag


def test_one_word_typed_on_two_machines_is_one_tag() -> None:
    assert tags.check("Ube\u0301r") == tags.check("Ubér")


# --- claiming -------------------------------------------------------------------------------------------------------


def test_a_claimed_tag_names_its_map(home: Home) -> None:
    tags.claim(home, Tag("fit", "0a", transient=False))
    tags.claim(home, Tag("draft", "0b", transient=True))
    assert tags.find(home, "fit") == Tag("fit", "0a", transient=False)
    assert tags.find(home, "draft").transient
    assert tags.names(home) == ["draft", "fit"]
    assert tags.tag_of(home, "0a") == Tag("fit", "0a", transient=False)
    assert tags.tag_of(home, "0c") is None


def test_a_tag_file_is_only_for_its_owner(home: Home) -> None:
    before = os.umask(0)
    tags.claim(home, Tag("fit", "0a", transient=False))
    os.umask(before)
    assert stat.S_IMODE((home.tags / "fit").stat().st_mode) == 0o600


def test_a_tag_is_claimed_once(home: Home) -> None:
    tags.claim(home, Tag("fit", "0a", transient=False))
    with pytest.raises(TagAlreadyExists, match=r"'fit' already.*htmap\.load\('fit'\)"):
        tags.claim(home, Tag("fit", "0b", transient=False))
    assert tags.find(home, "fit").uid == "0a"
    assert [path.name for path in home.tags.iterdir()] == ["fit"]


def test_of_many_who_claim_a_tag_one_gets_it(home: Home) -> None:
    won: list[str] = []
    ready = threading.Barrier(16)

    def claim(uid: str) -> None:
        ready.wait()
        try:
            tags.claim(home, Tag("fit", uid, transient=False))
        except TagAlreadyExists:
            return
        won.append(uid)

    threads = [threading.Thread(target=claim, args=(f"{number:02x}",)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert won == [tags.find(home, "fit").uid]
    assert [path.name for path in home.tags.iterdir()] == ["fit"]


def test_a_tag_is_claimed_once_also_where_there_are_no_hard_links(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    def link(*_: object) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", link)
    tags.claim(home, Tag("fit", "0a", transient=False))
    with pytest.raises(TagAlreadyExists):
        tags.claim(home, Tag("fit", "0b", transient=False))
    assert tags.find(home, "fit").uid == "0a"


def test_a_tag_that_cannot_be_written_leaves_nothing(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    def link(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "link", link)
    with pytest.raises(StorageError, match="Cannot claim the tag 'fit': No space left on device"):
        tags.claim(home, Tag("fit", "0a", transient=False))
    assert [path.name for path in home.tags.iterdir()] == []


def test_a_released_tag_can_be_claimed_again(home: Home) -> None:
    tags.claim(home, Tag("fit", "0a", transient=False))
    tags.release(home, "fit", "0a")
    tags.release(home, "fit", "0a")
    tags.claim(home, Tag("fit", "0b", transient=False))
    assert tags.find(home, "fit").uid == "0b"


def test_a_map_does_not_release_the_tag_of_another(home: Home) -> None:
    tags.claim(home, Tag("fit", "0b", transient=False))
    tags.release(home, "fit", "0a")
    assert tags.find(home, "fit").uid == "0b"


def test_a_tag_is_replaced_by_another(home: Home) -> None:
    old = Tag("fit", "0a", transient=True)
    tags.claim(home, old)
    tags.replace(home, old, Tag("better", "0a", transient=False))
    assert tags.names(home) == ["better"]
    assert tags.find(home, "better") == Tag("better", "0a", transient=False)


def test_a_tag_that_is_taken_replaces_none(home: Home) -> None:
    old = Tag("fit", "0a", transient=True)
    tags.claim(home, old)
    tags.claim(home, Tag("taken", "0b", transient=False))
    with pytest.raises(TagAlreadyExists):
        tags.replace(home, old, Tag("taken", "0a", transient=False))
    assert tags.find(home, "fit") == old
    assert tags.find(home, "taken").uid == "0b"


def test_a_tag_given_again_makes_the_map_permanent(home: Home) -> None:
    old = Tag("fit", "0a", transient=True)
    tags.claim(home, old)
    tags.replace(home, old, Tag("fit", "0a", transient=False))
    assert tags.find(home, "fit") == Tag("fit", "0a", transient=False)


# --- looking up -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("tag", ["absent", "../maps", "", "x" * 300, "a\0b"])
def test_a_tag_that_no_map_has_is_not_found(tag: str, home: Home) -> None:
    with pytest.raises(TagNotFound, match="There is no map with the tag"):
        tags.find(home, tag)


def tag_file(**header: object) -> bytes:
    return b"".join(encode_file(Kind.TAG, header))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"0a1b",
        b"\x89HTMAP\r\n",
        tag_file(),
        tag_file(uid=7),
        tag_file(uid="../../elsewhere"),
        tag_file(uid="0a", transient="yes"),
    ],
    ids=["empty", "foreign", "cut short", "of no map", "of a number", "of a path", "of a wrong type"],
)
def test_a_damaged_tag_is_named_and_spoils_no_other(content: bytes, home: Home) -> None:
    tags.claim(home, Tag("good", "0a", transient=False))
    (home.tags / "bad").write_bytes(content)
    with pytest.raises(DamagedFile, match=r"tag 'bad' is damaged.*remove the file .*/tags/bad"):
        tags.find(home, "bad")
    assert tags.names(home) == ["bad", "good"]
    assert tags.tag_of(home, "0a") == Tag("good", "0a", transient=False)


def test_what_cannot_be_read_below_tags_spoils_no_tag(home: Home) -> None:
    tags.claim(home, Tag("good", "0a", transient=False))
    (home.tags / "a-directory").mkdir()
    (home.tags / "b#not a tag").touch()
    assert tags.tag_of(home, "0a") == Tag("good", "0a", transient=False)
    with pytest.raises(StorageError, match="Cannot read the tag 'a-directory'"):
        tags.find(home, "a-directory")


def test_random_tags_are_good_tags_and_differ(home: Home) -> None:
    found = {tags.random_tag(home) for _ in range(50)}
    assert len(found) > 45
    assert all(tags.check(tag) == tag and tag.count("-") == 2 for tag in found)
