"""Mirrors htmap.create.transfers (with links and urls): every input file has an entry that HTCondor can read."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from htmap import TransferPath
from htmap.create.links import Links
from htmap.create.transfers import Sender, Transfer, check_names, entry_again
from htmap.exceptions import InputFileNotFound, InvalidOption
from htmap.language.urls import arrival_of, arrivals, arriving_as, quoted

ODD = ["a,b.csv", "new\nline", "carriage\rreturn", "unit\x1fseparator", "$(component)", "$ENV(HOME)", "trail ", "end\\"]
PLAIN = ["two words", "naïve ☃", "it's", 'a "quoted" name', "semi;colon", "#1", "=", "a\\b", "100%", "$HOME", "[x]"]


@pytest.fixture
def sender(tmp_path: Path) -> Sender:
    return Sender(Links(tmp_path / "links", tmp_path / "links"))


def arrived(transfer: Transfer) -> Path:
    """What HTCondor would put under the name of arrival, with / for the scratch directory."""
    assert not set(transfer.entry) & set(",\n\r\x1f")
    assert transfer.entry == transfer.entry.strip()
    if transfer.entry.endswith("/"):
        return Path(transfer.entry, transfer.arrives_as)  # what is in it
    assert transfer.arrives_as == transfer.entry
    return Path("/", transfer.arrives_as)


@pytest.mark.parametrize("name", PLAIN)
def test_files_with_plain_names_are_sent_by_their_names(name: str, sender: Sender, tmp_path: Path) -> None:
    (tmp_path / name).touch()
    entry = f"{tmp_path}/{name}"
    assert sender.of_call([TransferPath(tmp_path / name)]) == [Transfer(entry[1:], entry[1:])]
    assert sender.flat([tmp_path / name, TransferPath(tmp_path / name)]) == {entry: [name]}
    assert not (tmp_path / "links").exists()


@pytest.mark.parametrize("name", ODD)
def test_files_with_odd_names_are_sent_through_links(name: str, sender: Sender, tmp_path: Path) -> None:
    (tmp_path / name).write_text(name)
    (transfer,) = sender.of_call([TransferPath(tmp_path / name)])
    assert arrived(transfer).name == name
    assert arrived(transfer).read_bytes() == name.encode()
    ((entry, names),) = sender.flat([tmp_path / name]).items()
    assert names == [name]
    assert entry != transfer.entry
    assert [path.name for path in Path(entry).iterdir()] == [name]


@pytest.mark.parametrize("name", ODD)
def test_directories_with_odd_names_are_sent_through_links_to_their_files(
    name: str, sender: Sender, tmp_path: Path
) -> None:
    (tmp_path / name / "deep").mkdir(parents=True)
    (tmp_path / name / "deep" / "x, y").write_text("text")
    (tmp_path / name / "deep" / "up").symlink_to(tmp_path)
    (tmp_path / name / "latest").symlink_to("deep")
    (transfer,) = sender.of_call([TransferPath(tmp_path / name)])
    assert (arrived(transfer) / "deep" / "x, y").read_text() == "text"
    assert not (arrived(transfer) / "deep").is_symlink()
    assert not os.path.lexists(arrived(transfer) / "deep" / "up"), "it would have no end"
    assert (arrived(transfer) / "latest" / "x, y").read_text() == "text"
    (below,) = sender.of_call([TransferPath(tmp_path / name / "deep" / "x, y")])
    assert arrived(below).read_text() == "text"
    whole, content = sender.flat([tmp_path / name, f"{tmp_path}/{name}/"])
    assert [path.name for path in Path(whole).iterdir()] == [name]
    assert {path.name for path in Path(content).iterdir()} == {"deep", "latest"}


def test_links_are_named_by_where_they_will_lie(tmp_path: Path) -> None:
    (tmp_path / "a,b").touch()
    (transfer,) = Sender(Links(tmp_path / "now", Path("/later"))).of_call([TransferPath(tmp_path / "a,b")])
    assert transfer.entry.startswith("/later/")
    assert (tmp_path / "now" / transfer.entry.removeprefix("/later/") / transfer.arrives_as).is_symlink()


@pytest.mark.parametrize("name", ["plain", "a,b"])
def test_what_was_sent_is_sent_again_wherever_the_process_is(
    name: str, sender: Sender, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path(name).touch()
    (transfer,) = sender.of_call([TransferPath(name)])
    monkeypatch.chdir("/")
    assert entry_again(TransferPath(name), transfer.arrives_as, tmp_path / "links") == transfer.entry
    (tmp_path / name).unlink()
    with pytest.raises(InputFileNotFound, match=name):
        entry_again(TransferPath(name), transfer.arrives_as, tmp_path / "links")


def test_what_was_sent_through_links_is_sent_again_wherever_the_map_lies_now(sender: Sender, tmp_path: Path) -> None:
    (tmp_path / "a,b").write_text("text")
    file = TransferPath(tmp_path / "a,b")
    (transfer,) = sender.of_call([file])
    (tmp_path / "links").rename(tmp_path / "elsewhere")
    again = Transfer(entry_again(file, transfer.arrives_as, tmp_path / "elsewhere"), transfer.arrives_as)
    assert again.entry.startswith(f"{tmp_path}/elsewhere/")
    assert arrived(again).read_text() == "text"


def test_a_name_that_is_not_utf_8_is_refused(sender: Sender, tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"bad\xff")
    path.touch()
    for send in (sender.flat, sender.of_call):
        with pytest.raises(InvalidOption, match="not UTF-8"):
            send([TransferPath(path)])
    with pytest.raises(InvalidOption, match="whole file system"):
        sender.flat(["/"])


def test_a_directory_with_a_slash_stands_for_what_is_in_it(sender: Sender, tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "f").touch()
    (tmp_path / "d" / "in").touch()
    assert sender.flat([f"{tmp_path}/d/", f"{tmp_path}/d", f"{tmp_path}/f/"]) == {
        f"{tmp_path}/d/": ["in"],
        f"{tmp_path}/d": ["d"],
        f"{tmp_path}/f": ["f"],
    }


def test_files_of_the_same_name_do_not_collide(sender: Sender, tmp_path: Path) -> None:
    paths = [tmp_path / folder / "x.csv" for folder in ("one", "two")]
    for path in paths:
        path.parent.mkdir()
        path.touch()
    assert len({each.arrives_as for each in sender.of_call(map(TransferPath, paths))}) == 2


def test_a_relative_path_means_where_the_user_is_now(
    sender: Sender, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "x").touch()
    monkeypatch.chdir(tmp_path)
    assert sender.of_call([TransferPath("x")])[0].entry == f"{tmp_path}/x"[1:]
    assert list(sender.flat(["x"])) == [f"{tmp_path}/x"]


def test_links_to_directories_are_followed_as_htcondor_follows_none(sender: Sender, tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "x").touch()
    (tmp_path / "link").symlink_to("real")
    (tmp_path / "real" / "y").symlink_to("x")
    assert list(sender.flat([tmp_path / "link"])) == [f"{tmp_path}/real"]
    assert list(sender.flat([tmp_path / "link" / "x"])) == [f"{tmp_path}/real/x"]
    assert list(sender.flat([tmp_path / "link" / "y"])) == [f"{tmp_path}/real/y"]


# --- URLs -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "spelled", "name"),
    [
        ("osdf:///ospool/raw/x 1.csv", "osdf:///ospool/raw/x 1.csv", "x 1.csv"),
        ("http://h/a b,c#1.csv", "http://h/a%20b%2Cc%231.csv", "a%20b%2Cc%231.csv"),
        ("https://h/a%20b.csv", "https://h/a%20b.csv", "a%20b.csv"),
        ("http://h/100%.csv", "http://h/100%25.csv", "100%25.csv"),
        ("http://h/naïve.csv?a=b/c&d", "http://h/naïve.csv?a=b/c&d", "naïve.csv"),
        ("s3://bucket/key", "s3://bucket/key", "key"),
        ("s3://bucket/x'(1)=+ü@~;%20.txt", "s3://bucket/x'(1)=+ü@~;%20.txt", "x%27%281%29%3D%2B%C3%BC%40~%3B%2520.txt"),
    ],
)
def test_a_url_is_spelled_as_curl_takes_it(sender: Sender, url: str, spelled: str, name: str) -> None:
    protocol, _, rest = url.partition("://")
    location, _, path = rest.partition("/")
    file = TransferPath(path, protocol=protocol, location=location)
    assert sender.of_call([file]) == [Transfer(spelled, name)]
    assert sender.flat([file, url]) == {spelled: [name]}
    assert quoted(spelled) == spelled


@pytest.mark.parametrize("url", ["http://h/", "http://h/folder/", "http://h/?x=y", "s3://bucket/a,b"])
def test_a_url_that_htcondor_cannot_take_is_refused(sender: Sender, url: str) -> None:
    with pytest.raises(InvalidOption, match=r"has no name at its end|cannot transfer a file by the URL"):
        sender.flat([url])


def test_a_place_without_a_protocol_is_refused(sender: Sender) -> None:
    nowhere = TransferPath("x", location="h")
    for send in (sender.flat, sender.of_call):
        with pytest.raises(InvalidOption, match="give it a protocol"):
            send([nowhere])


def test_files_of_the_same_name_from_the_web_get_names_of_their_own(sender: Sender, tmp_path: Path) -> None:
    files = [TransferPath(f"{folder}/x.csv", "http", "h") for folder in ("one", "two", "one")]
    transfers = sender.of_call(files[:2])
    assert [each.entry.partition("#")[0] for each in transfers] == ["http://h/one/x.csv", "http://h/two/x.csv"]
    assert transfers[0].arrives_as == "x.csv"
    assert transfers[1].arrives_as.endswith("-x.csv")
    assert [arrival_of(each.entry) for each in transfers] == [each.arrives_as for each in transfers]
    again = [entry_again(file, each.arrives_as, tmp_path) for file, each in zip(files, transfers, strict=False)]
    assert again == [each.entry for each in transfers]
    shared = Sender(Links(tmp_path, tmp_path), has_shared_jobs=True)
    check_names(arrivals(shared.of_call([file])[0].entry for file in files))


@pytest.mark.parametrize("urls", [["s3://a/x.csv", "s3://b/x.csv"], ["http://h/x.csv?1", "http://h/x.csv?2"]])
def test_where_no_other_name_can_be_had_a_collision_is_refused(urls: list[str]) -> None:
    assert [arriving_as(url, "other") for url in urls] == urls
    with pytest.raises(InvalidOption, match=r"would both arrive as x\.csv.*chunksize=1"):
        check_names(arrivals(urls))


def test_folders_with_links_to_folders_arrive_whole(sender: Sender, tmp_path: Path) -> None:
    for name in ("data/run5/x.csv", "data/y.csv", "elsewhere/z.csv"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    (tmp_path / "data/latest").symlink_to("run5")
    (tmp_path / "data/more").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "data/x.csv").symlink_to("run5/x.csv")
    (transfer,) = sender.of_call([TransferPath(tmp_path / "data")])
    whole, content = sender.flat([tmp_path / "data", f"{tmp_path}/data/"])
    names = ["latest/x.csv", "more/z.csv", "run5/x.csv", "x.csv", "y.csv"]
    for place in (arrived(transfer), Path(whole, "data"), Path(content)):
        assert sorted(str(path.relative_to(place)) for path in place.rglob("*") if path.is_file()) == names
        assert not [path for path in place.rglob("*") if path.is_symlink() and path.is_dir()]
    assert not sender.left_out


def test_what_has_no_content_is_left_out_and_named(sender: Sender, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    (folder / "sub").mkdir(parents=True)
    (folder / "x").touch()
    os.mkfifo(folder / "sub/fifo")
    for link, target in {"gone": "nowhere", "sub/up": "..", "null": os.devnull}.items():
        (folder / link).symlink_to(target)
    for _ in range(2):
        (transfer,) = sender.of_call([TransferPath(folder)])
    assert sorted(path.name for path in arrived(transfer).rglob("*")) == ["sub", "x"]
    assert sorted(sender.left_out) == [
        f"{folder}: gone is a link that leads nowhere.",
        f"{folder}: null is a device, which has no content.",
        f"{folder}: sub/fifo is a FIFO, which has no content.",
        f"{folder}: sub/up is a link to a folder that it lies in.",
    ]


def test_what_cannot_be_sent_whole_is_refused_by_its_name(sender: Sender, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "null").symlink_to(os.devnull)
    for name in ("fifo", "null"):
        with pytest.raises(InvalidOption, match=f"{name} is a .*, which has no content"):
            sender.of_call([TransferPath(tmp_path / name)])
        with pytest.raises(InvalidOption, match=f"{name} is a .*, which has no content"):
            sender.flat([tmp_path / name])


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
@pytest.mark.parametrize("kind", ["file", "file in a folder", "folder in a folder"])
def test_what_cannot_be_read_is_refused_by_its_name(kind: str, sender: Sender, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    locked = tmp_path / "locked" if kind == "file" else tmp_path / "data/locked"
    if kind.startswith("folder"):
        locked.mkdir()
    else:
        locked.touch()
    locked.chmod(0)
    with pytest.raises(InvalidOption, match=r"cannot be sent, so nothing was submitted: .*/locked"):
        sender.of_call([TransferPath(locked if kind == "file" else tmp_path / "data")])
    locked.chmod(0o700)


@pytest.mark.parametrize(
    ("named", "words"),
    [
        ("data/x\x1b.csv", [r"There is no input file data/x\x1b.csv in "]),
        ("~/x.csv", ["There is no input file ~/x.csv in ", "expanduser"]),
        ("$HOME/x.csv", ["no input file $HOME/x.csv in ", "expandvars"]),
        ("/data/*.csv", ["no input file /data/*.csv, so", "glob.glob"]),
        ("x\0", [r"no input file x\x00 in"]),
        ("x" * 300, ["(File name too long)"]),
        ("a/b", ["no input file a/b in"]),
    ],
)
def test_a_missing_file_is_named_as_it_was_written(
    named: str, words: list[str], sender: Sender, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a").symlink_to("a")
    for send in (lambda: sender.of_call([TransferPath(named)]), lambda: sender.flat([named])):
        with pytest.raises(InputFileNotFound) as raised:
            send()
        assert all(word in str(raised.value) for word in words), raised.value


def test_a_rerun_without_a_file_of_a_folder_of_links_is_refused(sender: Sender, tmp_path: Path) -> None:
    (tmp_path / "data/run5").mkdir(parents=True)
    (tmp_path / "data/run5/x").touch()
    (tmp_path / "data/latest").symlink_to("run5")
    file = TransferPath(tmp_path / "data")
    (transfer,) = sender.of_call([file])
    assert entry_again(file, transfer.arrives_as, tmp_path / "links") == transfer.entry
    (tmp_path / "data/latest").unlink()
    with pytest.raises(InputFileNotFound, match="data/latest/x"):
        entry_again(file, transfer.arrives_as, tmp_path / "links")
