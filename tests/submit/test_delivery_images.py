"""Mirrors htmap.delivery.images, .docker, .container and .singularity: images by name, none of which can inject."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from htmap.delivery import container, docker, image_runner, images, singularity
from htmap.delivery.images import Image, Kind
from htmap.exceptions import InputFileNotFound, InvalidSetting, MissingSetting
from htmap.language.words import join_arguments, split_arguments
from htmap.settings import Settings
from htmap.store.mapdir import Home, MapDir

INJECTIONS = [
    "python:3.12; touch /tmp/x",
    "python:3.12\nexecutable = /bin/evil",
    "$(touch /tmp/x)",
    "`touch /tmp/x`",
    "--privileged",
    "python:3.12 --privileged",
    'python"',
    "python'",
    "$$(Machine)",
    "python:3.12\u2028",
    "pyth\u00f6n",
    "",
]


@pytest.fixture
def map_dir(home: Home) -> MapDir:
    return home.map("0a1b")


@pytest.mark.parametrize(
    "name",
    [
        "python",
        "python:3.12-slim",
        "me/image:latest",
        "registry.example.edu:5000/group/image:1.0_x",
        "image@sha256:0123456789abcdef",
    ],
)
def test_the_name_of_a_docker_image_is_taken_as_it_is(name: str, own_settings: Settings) -> None:
    for spelled in (name, f"docker://{name}"):
        own_settings["DOCKER.IMAGE"] = spelled
        assert images.docker_image("DOCKER.IMAGE") == name
        own_settings["CONTAINER.IMAGE"] = f"docker://{name}"
        assert images.image("CONTAINER.IMAGE") == Image(Kind.REGISTRY, f"docker://{name}")


@pytest.mark.parametrize("name", INJECTIONS)
@pytest.mark.parametrize("prefix", ["", "docker://"])
def test_a_name_that_means_something_else_is_refused(name: str, prefix: str, own_settings: Settings) -> None:
    own_settings["DOCKER.IMAGE"] = prefix + name
    own_settings["CONTAINER.IMAGE"] = f"docker://{name}"
    with pytest.raises((InvalidSetting, MissingSetting), match=r"DOCKER\.IMAGE"):
        images.docker_image("DOCKER.IMAGE")
    with pytest.raises((InvalidSetting, InputFileNotFound), match=r"CONTAINER\.IMAGE"):
        images.image("CONTAINER.IMAGE")


@pytest.mark.parametrize("method", [docker, container, singularity])
def test_an_image_that_is_not_set_is_said_before_anything_else(method: object, map_dir: MapDir) -> None:
    with pytest.raises(MissingSetting, match=f"set {method.SETTING}, for example"):  # type: ignore[attr-defined]
        method.set_up("t", map_dir.path)  # type: ignore[attr-defined]
    assert not list(map_dir.home.runners.iterdir())


def test_a_file_travels_and_a_directory_does_not(own_settings: Settings, tmp_path: Path) -> None:
    file, folder = tmp_path / "image with 'quotes'; and more.sif", tmp_path / "sandbox"
    file.touch()
    folder.mkdir()
    for path, kind in ((file, Kind.FILE), (folder, Kind.PLACE)):
        own_settings["CONTAINER.IMAGE"] = str(path)
        assert images.image("CONTAINER.IMAGE") == Image(kind, str(path))
    own_settings["CONTAINER.IMAGE"] = "/cvmfs/images/only-on-nodes"
    assert images.image("CONTAINER.IMAGE").kind is Kind.PLACE
    own_settings["CONTAINER.IMAGE"] = "https://example.edu/images/science.sif"
    assert images.image("CONTAINER.IMAGE") == Image(Kind.URL, "https://example.edu/images/science.sif")
    assert images.image("CONTAINER.IMAGE").name == "science.sif"


def test_an_image_that_is_not_there_is_named_with_what_may_have_been_meant(own_settings: Settings) -> None:
    own_settings["SINGULARITY.IMAGE"] = "python:3.12"
    with pytest.raises(InputFileNotFound, match=r"no image .*python:3\.12 .*written docker://python:3\.12"):
        images.image("SINGULARITY.IMAGE")


@pytest.mark.parametrize("mark", ["a,b", "a$(b)", "a$$(b)", "a\nb"])
def test_a_path_that_the_submit_language_would_misread_is_refused(
    mark: str, own_settings: Settings, tmp_path: Path
) -> None:
    (tmp_path / mark).touch()
    own_settings["SINGULARITY.IMAGE"] = str(tmp_path / mark)
    with pytest.raises(InvalidSetting, match="HTCondor cannot use a value with"):
        images.image("SINGULARITY.IMAGE")


@pytest.mark.parametrize("word", ["plain", "two words", "it's", 'say "so"', "", "a'b\"c d", "$HOME", "`x`", "a;b"])
def test_arguments_mean_the_words_that_they_are_made_of(word: str) -> None:
    told = join_arguments([word, "second"], then="run --components 0")
    assert split_arguments(told) == (word, "second", "run", "--components", "0")


def test_docker_is_a_universe_with_that_image(own_settings: Settings, map_dir: MapDir) -> None:
    own_settings["DOCKER.IMAGE"] = "python:3.12-slim"
    found = docker.descriptors("t", map_dir.path)
    assert (found["universe"], found["docker_image"]) == ("docker", "python:3.12-slim")
    assert found["executable"] == str(image_runner.place(map_dir.path))


@pytest.mark.parametrize(("image", "transferred"), [("docker://a/b:1", "true"), ("{tmp}", "false")])
def test_container_is_a_universe_that_transfers_files_only(
    image: str, transferred: str, own_settings: Settings, map_dir: MapDir, tmp_path: Path
) -> None:
    own_settings["CONTAINER.IMAGE"] = image.format(tmp=tmp_path)
    found = container.descriptors("t", map_dir.path)
    assert found["universe"] == "container"
    assert found["container_image"] == image.format(tmp=tmp_path)
    assert found["transfer_container"] == transferred


def test_what_an_image_or_a_shared_disk_has_is_not_sent(
    own_settings: Settings, map_dir: MapDir, tmp_path: Path
) -> None:
    for image in ("docker://python:3.12", str(tmp_path)):
        own_settings["SINGULARITY.IMAGE"] = image
        found = singularity.descriptors("t", map_dir.path)
        assert found["transfer_input_files"] == str(image_runner.place(map_dir.path))
        assert shlex.split(found["arguments"].strip('"'))[0] == image
