"""Files go there and come back as they are: large, many, and whatever they are called."""

from __future__ import annotations

import dataclasses
import hashlib
import shutil
from pathlib import Path

import pytest

import htmap
from htmap import TransferPath
from htmap.exceptions import InputFileNotFound, InvalidOption

TIMEOUT_S = 300

NAMES = [
    "two words", "comma, separated, values.csv", "it's", 'a "quoted" name', '"', "100% %20 %s", "naïve ☃ 文件.txt",
    "a=b;c", "back\\slash", "new\nline", "carriage\rreturn", "tab\t", "unit\x1fseparator", "$(component)", "$ENV(HOME)",
    "$$(x)", " lead", "trail ", "end\\", "-rf", "#1", "*?[x]", "~", "http:", "|", "function", "outputs", "000000",
]  # fmt: skip


def checksums(place) -> dict[str, str]:
    """Of each file below a place, by its path there."""
    place = Path(place)
    files = [place] if place.is_file() else sorted(path for path in place.rglob("*") if path.is_file())
    return {str(path.relative_to(place)): digest(path) for path in files}


def digest(path) -> str:
    found = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            found.update(block)
    return found.hexdigest()


def there_and_back(things):
    """Say what has arrived in which form, and send it back."""
    seen = {}
    for kind, paths in things.items():
        for number, path in enumerate(paths):
            assert isinstance(path, Path)
            seen[kind, number] = (path.name, checksums(path))
            place = Path(kind, str(number))
            place.mkdir(parents=True)
            path.rename(place / path.name)
    htmap.transfer_output_files(*things)
    return seen


def test_whatever_files_and_directories_are_called(tmp_path) -> None:
    files, folders = [], []
    for number, name in enumerate(NAMES):
        files.append(tmp_path / "files" / str(number) / name)
        folders.append(tmp_path / "folders" / str(number) / name)
        files[-1].parent.mkdir(parents=True)
        files[-1].write_text(f"file {name}")
        (folders[-1] / name).mkdir(parents=True)
        (folders[-1] / name / name).write_text(f"deep {name}")
    sent = {"files": files, "folders": folders}
    m = htmap.map(there_and_back, [{kind: list(map(TransferPath, paths)) for kind, paths in sent.items()}], quiet=True)
    seen = m.get(0, TIMEOUT_S)
    for kind, paths in sent.items():
        for number, path in enumerate(paths):
            assert seen[kind, number] == (path.name, checksums(path)), path
            assert checksums(m.output_files[0] / kind / str(number) / path.name) == checksums(path), path


def test_files_given_as_options_arrive_by_their_names(tmp_path) -> None:
    def look():
        return {str(path): path.read_text() for path in Path().rglob("*.txt")}

    everywhere = ["fixed.txt", "content/c, d.txt", "content/e.txt", "odd, folder/f.txt", "whole/g.txt"]
    for name in (*everywhere, "a, b.txt", "own 0.txt", "own, 1.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    content = [f"{tmp_path}/content/", f"{tmp_path}/odd, folder/"]  # with a slash: what is in there
    fixed = [tmp_path / "fixed.txt", *content, TransferPath(tmp_path / "whole")]
    own = [[tmp_path / "own 0.txt", TransferPath(tmp_path / "a, b.txt")], [tmp_path / "own, 1.txt"]]
    options = htmap.MapOptions(fixed_input_files=fixed, input_files=own)
    m = htmap.starmap(look, [(), ()], map_options=options, quiet=True)
    m.wait(TIMEOUT_S)
    of_all = {name.removeprefix("content/").removeprefix("odd, folder/"): name for name in everywhere}
    assert m[0] == {**of_all, "own 0.txt": "own 0.txt", "a, b.txt": "a, b.txt"}
    assert m[1] == {**of_all, "own, 1.txt": "own, 1.txt"}


def test_a_gigabyte_and_two_thousand_files(tmp_path) -> None:
    large, many = tmp_path / "large", tmp_path / "many"
    with large.open("wb") as file:
        for block in range(1024):
            file.write(block.to_bytes(4, "big") * (1 << 18))
    many.mkdir()
    for number in range(2000):
        (many / f"{number:04d}.txt").write_text(f"{number}\n" * (number % 50))
    options = htmap.MapOptions(request_disk="4GB")
    things = {"large": [TransferPath(large)], "many": [TransferPath(many)]}
    m = htmap.map(there_and_back, [things], map_options=options, quiet=True)
    seen = m.get(0, TIMEOUT_S)
    for kind, path in {"large": large, "many": many}.items():
        assert seen[kind, 0] == (path.name, checksums(path))
        assert checksums(m.output_files[0] / kind / "0" / path.name) == checksums(path)
    m.remove()


def test_components_that_share_a_job_keep_their_files_apart(tmp_path) -> None:
    for component in range(4):
        place = tmp_path / f"run, {component}"
        place.mkdir()
        (place / "data.csv").write_text(f"data of {component}")
    inputs = [TransferPath(tmp_path) / f"run, {component}" / "data.csv" for component in range(4)]

    def read(path):
        Path("copy.csv").write_text(path.read_text())
        htmap.transfer_output_files("copy.csv")
        return path.name

    remaps = {"copy.csv": TransferPath(tmp_path) / "copy of $(component).csv"}
    options = htmap.MapOptions(chunksize=3, output_remaps=remaps)
    m = htmap.map(read, inputs, map_options=options, quiet=True)
    m.wait(TIMEOUT_S)
    m.rerun([1, 2, 3])
    m.wait(TIMEOUT_S)
    assert list(m) == ["data.csv"] * 4
    for component in range(4):
        assert (tmp_path / f"copy of {component}.csv").read_text() == f"data of {component}"
        assert list(m.output_files[component].iterdir()) == []


def test_files_inside_of_directories_are_remapped_too(tmp_path) -> None:
    def write(_x):
        Path("plots/by day").mkdir(parents=True)
        Path("plots/by day/1, a.png").write_text("one")
        Path("plots/2.png").write_text("two")
        Path("tables").mkdir()
        Path("tables/t.csv").write_text("t")
        htmap.transfer_output_files("plots", "tables")

    places = {"plots/by day/1, a.png": "x = 1, a.png", "tables": "all tables"}
    remaps = {name: TransferPath(tmp_path / place) for name, place in places.items()}
    m = htmap.map(write, [0], map_options=htmap.MapOptions(output_remaps=remaps), quiet=True)
    m.wait(TIMEOUT_S)
    assert (tmp_path / "x = 1, a.png").read_text() == "one"
    assert (tmp_path / "all tables" / "t.csv").read_text() == "t"
    left = [path for path in m.output_files[0].rglob("*") if path.is_file()]
    assert [str(path.relative_to(m.output_files[0])) for path in left] == ["plots/2.png"]


def test_what_cannot_be_sent_is_named_before_anything_is_submitted(tmp_path, htmap_dir) -> None:
    (tmp_path / "x").touch()
    with pytest.raises(InputFileNotFound, match="There is no input file .*/absent"):
        htmap.map(checksums, [TransferPath(tmp_path / "x"), TransferPath(tmp_path / "absent")], quiet=True)
    for options in ({"fixed_input_files": tmp_path / "absent"}, {"input_files": [tmp_path / "absent"]}):
        with pytest.raises(InputFileNotFound, match="There is no input file .*/absent"):
            htmap.map(checksums, ["."], map_options=htmap.MapOptions(**options), quiet=True)
    remaps = {"x": TransferPath(tmp_path / "x" / "x")}
    with pytest.raises(InvalidOption, match="x is not a folder"):
        htmap.map(checksums, ["."], map_options=htmap.MapOptions(output_remaps=remaps), quiet=True)
    assert list((htmap_dir / "maps").iterdir()) == []


def test_folders_for_remapped_files_are_made_and_unmade_if_there_is_no_map(tmp_path) -> None:
    def write(x):
        Path("a").mkdir()
        Path("a/x.txt").write_text(str(x))
        htmap.transfer_output_files("a/x.txt")

    remaps = {"a/x.txt": TransferPath(tmp_path / "new/$(component)/x.txt")}
    options = htmap.MapOptions(output_remaps=remaps)
    with pytest.raises(InvalidOption):
        htmap.map(write, range(2), map_options=htmap.MapOptions(output_remaps=remaps, no_such_command="\\"), quiet=True)
    assert not (tmp_path / "new").exists()
    assert "new/" in htmap.submit_description(write, range(2), map_options=options)
    assert not (tmp_path / "new").exists()
    m = htmap.map(write, range(2), map_options=options, quiet=True)
    m.wait(TIMEOUT_S)
    assert checksums(tmp_path / "new").keys() == {"0/x.txt", "1/x.txt"}
    shutil.rmtree(tmp_path / "new")
    (tmp_path / "new").touch()
    with pytest.raises(InvalidOption, match="sends .*x.txt to .*/new/1/x.txt, but .*Not a directory"):
        m.rerun([1])
    (tmp_path / "new").unlink()
    m.rerun([1])
    m.wait(TIMEOUT_S)
    assert checksums(tmp_path / "new").keys() == {"1/x.txt"}


@pytest.mark.usefixtures("urls")
def test_a_file_url_is_a_place(tmp_path) -> None:
    def write(_x):
        Path("x.txt").write_text("text")
        htmap.transfer_output_files("x.txt")

    place = TransferPath(tmp_path / "a, b.txt", protocol="file")
    m = htmap.map(write, [1], map_options=htmap.MapOptions(output_remaps={"x.txt": place}), quiet=True)
    m.wait(TIMEOUT_S)
    assert (tmp_path / "a, b.txt").read_text() == "text"


def test_htmap_dir_may_be_called_almost_anything(htmap_dir, tmp_path) -> None:
    htmap.settings["HTMAP_DIR"] = str(htmap_dir / "odd = 'dir' 100% ☃ \\x {y} ")
    (tmp_path / "a, b").write_text("there")
    m = htmap.map(lambda path: path.read_text(), [TransferPath(tmp_path / "a, b")] * 2, quiet=True)
    m.wait(TIMEOUT_S)
    assert list(m) == ["there"] * 2
    m.rerun()
    m.wait(TIMEOUT_S)
    assert list(m) == ["there"] * 2
    m.remove()
    assert (tmp_path / "a, b").read_text() == "there", "of what is sent through a link, only the link goes with the map"


def test_a_copy_of_a_map_finds_what_it_sends_through_links(htmap_dir, tmp_path) -> None:
    (tmp_path / "data/run5").mkdir(parents=True)
    (tmp_path / "data/run5/x").write_text("there")
    (tmp_path / "data/latest").symlink_to("run5")
    (tmp_path / "a, b").write_text("comma")

    def read(folder, file):
        return (folder / "latest/x").read_text() + file.read_text()

    home = htmap_dir / "first"
    htmap.settings["HTMAP_DIR"] = str(home)
    paths = (TransferPath(tmp_path / "data"), TransferPath(tmp_path / "a, b"))
    m = htmap.starmap(read, [paths], tag="copied", quiet=True)
    assert m.get(0, TIMEOUT_S) == "therecomma"
    shutil.copytree(home, htmap_dir / "second", symlinks=True)
    shutil.rmtree(home / "maps")
    htmap.settings["HTMAP_DIR"] = str(htmap_dir / "second")
    m = htmap.load("copied")
    m.rerun()
    assert m.get(0, TIMEOUT_S) == "therecomma"


@dataclasses.dataclass
class Study:
    paths: dict[str, list[TransferPath]]


def test_transfer_paths_are_found_wherever_they_are_and_become_paths(tmp_path) -> None:
    for folder in "abcdefgh":
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "same.txt").write_text(folder)
    a, b, c, d, e, f, g, h = (TransferPath(tmp_path) / folder / "same.txt" for folder in "abcdefgh")

    def read(path, some, others, *, more, study, again):
        assert again[0] is again
        found = [path, *some, *others, *more["deep"][0], *study.paths["x"], again[1]]
        assert all(isinstance(each, Path) and each.name == "same.txt" for each in found)
        return "".join(sorted(each.read_text() for each in found))

    circle: list[object] = []
    circle += [circle, g]
    kwargs = {"more": {"deep": ({d, e},)}, "study": Study({"x": [f, h]}), "again": circle}
    m = htmap.starmap(read, [(a, [b], (c,))], [kwargs], quiet=True)
    assert m.get(0, TIMEOUT_S) == "abcdefgh"
    args, kwargs = next(m.iter_inputs())
    assert args == (a, [b], (c,)), "what comes back here is what was given"
