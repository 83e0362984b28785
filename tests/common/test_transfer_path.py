"""Mirrors htmap_common.transfer_path."""

from __future__ import annotations

import copy
import os
import pickle
import pickletools
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from htmap_common import TransferPath

LOGO = TransferPath("en/latest/logo.tar.gz", protocol="http", location="docs.example.org")
SITE = TransferPath("/", protocol="http", location="docs.example.org")
LOCAL = TransferPath("/data/run 1, final.csv")

names = st.sampled_from(["a", "b", "a.b", "Größe", "with space", 'it\'s, "odd"', "\udcff"])
transfer_paths = st.builds(
    TransferPath,
    st.lists(names, max_size=3).map("/".join) | st.just("/"),
    st.sampled_from([None, "http", "s3"]),
    st.sampled_from([None, "h", "example.org"]),
)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (LOCAL, "/data/run 1, final.csv"),
        (TransferPath("relative"), "relative"),
        (LOGO, "http://docs.example.org/en/latest/logo.tar.gz"),
        (SITE, "http://docs.example.org/"),
        (TransferPath("", "http", "h"), "http://h/"),
        (TransferPath("/pool/x", protocol="osdf"), "osdf:///pool/x"),
        (TransferPath("//pool//x", protocol="osdf"), "osdf:///pool/x"),
        (TransferPath("x y", "s3", "bucket"), "s3://bucket/x y"),
        (TransferPath("x", location="h"), "//h/x"),
    ],
)
def test_str_is_the_path_or_the_url(path: TransferPath, text: str) -> None:
    assert str(path) == text
    assert f"{path}" == text


def test_repr_makes_the_same_path_again() -> None:
    for path in (LOCAL, LOGO, TransferPath("x", location="h")):
        again = eval(repr(path), {"TransferPath": TransferPath})  # noqa: S307 - that is what a repr is for
        assert again == path


def test_only_local_paths_are_paths_of_the_file_system() -> None:
    assert os.fspath(LOCAL) == "/data/run 1, final.csv"
    assert Path(LOCAL) == Path("/data/run 1, final.csv")
    with pytest.raises(TypeError, match="remote"):
        os.fspath(LOGO)


def test_it_knows_where_it_is() -> None:
    assert LOCAL.is_local
    assert not LOGO.is_local
    assert (LOCAL.path, LOCAL.protocol, LOCAL.location) == (Path("/data/run 1, final.csv"), None, None)
    assert (LOGO.path, LOGO.protocol, LOGO.location) == (PurePosixPath(LOGO.path), "http", "docs.example.org")
    assert TransferPath("x", "", "").is_local


def test_a_url_is_refused_with_advice() -> None:
    with pytest.raises(ValueError, match="protocol="):
        TransferPath("http://docs.example.org/x")
    with pytest.raises(ValueError, match="not the name of a protocol"):
        TransferPath("x", protocol="http://", location="docs.example.org")


def test_another_transfer_path_can_be_wrapped() -> None:
    assert TransferPath(LOGO) == LOGO
    assert TransferPath(LOCAL, "http", "h") == TransferPath(LOCAL.path, "http", "h")


def test_it_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        LOGO.protocol = "s3"  # type: ignore[misc]
    with pytest.raises(AttributeError):
        LOGO.colour = "green"  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", ["name", "stem", "suffix", "suffixes", "parts", "anchor", "root"])
@pytest.mark.parametrize("path", [LOCAL, LOGO])
def test_parts_are_those_of_pathlib(path: TransferPath, name: str) -> None:
    assert getattr(path, name) == getattr(path.path, name)


def test_paths_are_derived_at_the_same_location() -> None:
    at_site = "http://docs.example.org"
    assert str(LOGO.parent) == f"{at_site}/en/latest"
    assert [str(parent) for parent in LOGO.parents] == [f"{at_site}/en/latest", f"{at_site}/en", f"{at_site}/"]
    assert str(LOGO.parent / "x" / Path("y")) == f"{at_site}/en/latest/x/y"
    assert str(LOGO.joinpath("x", "y")) == f"{LOGO}/x/y"
    assert str(LOGO.with_name("x.txt")) == f"{at_site}/en/latest/x.txt"
    assert str(LOGO.with_stem("icon")) == f"{at_site}/en/latest/icon.gz"
    assert str(LOGO.with_suffix(".zip")) == f"{at_site}/en/latest/logo.tar.zip"
    assert str(LOCAL.with_suffix("")) == "/data/run 1, final"
    assert "/data" / TransferPath("x") == TransferPath("/data/x")


def test_only_paths_can_be_joined() -> None:
    with pytest.raises(TypeError):
        LOGO / 5  # type: ignore[operator]
    with pytest.raises(TypeError):
        5 / LOGO  # type: ignore[operator]


def test_a_path_can_be_moved_to_another_location() -> None:
    tail = LOGO.relative_to(SITE)
    assert TransferPath("/mirror") / tail == TransferPath("/mirror/en/latest/logo.tar.gz")
    assert LOGO.relative_to("en/latest").path == PurePosixPath("logo.tar.gz")
    assert LOGO.is_relative_to(SITE)
    assert not LOGO.is_relative_to(TransferPath("/", "http", "elsewhere"))
    with pytest.raises(ValueError, match="different locations"):
        LOGO.relative_to(TransferPath("/en"))


def test_a_leading_slash_of_a_remote_path_means_nothing() -> None:
    assert TransferPath("x", "http", "h") == TransferPath("/x", "http", "h")
    assert hash(TransferPath("x", "http", "h")) == hash(TransferPath("/x", "http", "h"))
    assert TransferPath("x") != TransferPath("/x")


def test_cwd_and_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert TransferPath.cwd() == TransferPath(tmp_path)
    assert TransferPath.home() / "x" == TransferPath(tmp_path / "home" / "x")


def test_local_paths_reach_the_file_system(tmp_path: Path) -> None:
    folder = TransferPath(tmp_path)
    file = folder / "a.txt"
    assert not file.exists()
    file.write_text("hello\n")
    with file.open() as stream:
        assert list(stream) == ["hello\n"]
    assert list(folder.iterdir()) == list(folder.glob("*.txt")) == [file]
    assert file.rename(folder / "b.txt") == folder / "b.txt"
    assert (folder / "x" / ".." / "b.txt").resolve() == folder.resolve() / "b.txt"
    assert (folder / "b.txt").as_uri().startswith("file:///")


def test_remote_paths_do_not_reach_the_file_system() -> None:
    assert not hasattr(LOGO, "exists")
    with pytest.raises(AttributeError, match=r"glob.*docs\.example\.org"):
        LOGO.glob("*")
    assert LOGO.as_uri() == str(LOGO)
    assert LOGO.match("*.gz")


def test_what_pathlib_does_not_have_is_missing() -> None:
    with pytest.raises(AttributeError, match="'colour'"):
        LOCAL.colour  # noqa: B018


@settings(max_examples=50, deadline=None)
@given(transfer_paths)
def test_copies_and_pickles_are_equal(path: TransferPath) -> None:
    for again in (pickle.loads(pickle.dumps(path)), copy.copy(path), copy.deepcopy(path), TransferPath(path)):
        assert again == path
        assert (again.path, again.protocol, again.location) == (path.path, path.protocol, path.location)


@settings(max_examples=100, deadline=None)
@given(transfer_paths, transfer_paths, transfer_paths)
def test_the_order_is_total_and_agrees_with_equality(a: TransferPath, b: TransferPath, c: TransferPath) -> None:
    assert (a < b) + (a == b) + (b < a) == 1
    assert (a == b) == (str(a) == str(b))
    assert a != b or hash(a) == hash(b)
    assert sorted([a, b, c]) == sorted([c, a, b])
    assert (a <= b) == (not b < a)


def test_it_is_no_path_and_not_ordered_with_one() -> None:
    assert TransferPath("x") != Path("x")
    with pytest.raises(TypeError):
        sorted([LOCAL, "text"])  # type: ignore[type-var]


def test_a_pickle_is_one_call_with_three_plain_arguments() -> None:
    opcodes = [(code.name, argument) for code, argument, _ in pickletools.genops(pickle.dumps(LOGO, protocol=5))]
    arguments = [argument for name, argument in opcodes if name == "SHORT_BINUNICODE"]
    assert arguments == ["htmap_common.transfer_path", "TransferPath", str(LOGO.path), "http", "docs.example.org"]
    assert [name for name, _ in opcodes].count("REDUCE") == 1
