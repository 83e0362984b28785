"""Run a job in an image, with the docker or apptainer of this machine.

In: a `Job` of the docker or container universe. Out: a command, and the end of what it has started. On the other side:
the command lines of docker, apptainer and singularity.

A container of docker is no child of ours: its processes belong to a daemon. So it has a name that says which job it is,
and a label that says which queue; it is paused and ended by that name, and found by that label after a crash. One of
apptainer is a process like any other.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from htmap.backend.local.program import Program
from htmap.language.commands import refusal

_DOCKER = "docker://"
_RUNTIMES = ("apptainer", "singularity")
_TIMEOUT_S = 60.0

# The image has its own places for programs.
_NOT_PASSED = frozenset({"PATH"})
# What docker's program itself goes by: places, no secrets.
_OF_DOCKER = frozenset(
    {
        "DOCKER_API_VERSION",
        "DOCKER_CERT_PATH",
        "DOCKER_CONFIG",
        "DOCKER_CONTEXT",
        "DOCKER_HOST",
        "DOCKER_TLS",
        "DOCKER_TLS_VERIFY",
        "HOME",
        "PATH",
    }
)


@dataclass(frozen=True, slots=True)
class Image:
    """What a job runs in.

    Parameters
    ----------
    universe
        ``docker`` or ``container``.
    source
        A reference of docker's, or what apptainer takes: a path, or a reference with a scheme.
    """

    universe: str
    source: str

    @property
    def docker_reference(self) -> str | None:
        """What to tell docker; None: it is no image of docker's."""
        if self.universe == "docker":
            return self.source.removeprefix(_DOCKER)
        return self.source.removeprefix(_DOCKER) if self.source.startswith(_DOCKER) else None


def image_of(universe: str, docker_image: str, container_image: str) -> Image | None:
    """The image that a description asks for; None: the job runs in none. Raises `InvalidOption`."""
    universe = universe.casefold()
    if universe not in {"docker", "container"}:
        for key, value in (("docker_image", docker_image), ("container_image", container_image)):
            if value:
                raise refusal(key, f"cannot have {key} with universe = {universe or 'vanilla'}")
        return None
    source = docker_image if universe == "docker" else container_image
    if not source:
        raise refusal("universe", f"needs {universe}_image for universe = {universe}")
    if "://" in source and not source.startswith((_DOCKER, "oras://", "library://", "shub://")):
        raise refusal(f"{universe}_image", f"fetches no images from URLs, such as {source}")
    return Image(universe, source)


def check(image: Image | None) -> None:
    """Raise `InvalidOption` unless this machine has what runs the image."""
    if image is None or _docker(image) or _apptainer(image):
        return
    wanted = "docker" if image.universe == "docker" else " or ".join(_RUNTIMES)
    if image.universe == "container" and image.docker_reference:
        wanted = f"docker, {wanted}"
    raise refusal("universe", f"runs images only where there is {wanted}, and this machine has none on PATH")


def uses_docker(image: Image | None) -> bool:
    """Whether the processes of such a job belong to docker's daemon."""
    return image is not None and _docker(image) is not None


def wrap(program: Program, image: Image) -> Program:
    """The program that runs another one in its image."""
    inside = command(image, name_of(program.directory), program.directory, program.command, program.environment)
    environment = program.environment
    if uses_docker(image):
        # Docker's program finds its daemon by its environment, and takes from it what the command only names.
        environment = {**environment, **{name: os.environ[name] for name in _OF_DOCKER & os.environ.keys()}}
    return replace(program, command=inside, environment=environment, server_arguments=())


def command(image: Image, name: str, scratch: Path, inside: Sequence[str], environment: Mapping[str, str]) -> list[str]:
    """The command that runs another one in the image, with the scratch directory at its own path."""
    docker = _docker(image)
    if docker is None:
        return [
            _apptainer(image) or _RUNTIMES[0],
            "--quiet",
            "exec",
            "--no-home",
            "--bind",
            f"{scratch}:{scratch}",
            "--pwd",
            str(scratch),
            image.source,
            *inside,
        ]
    # Not their values: everybody on this machine sees command lines.
    passed = [
        f"--env={name}={value}" if name in _OF_DOCKER else f"--env={name}"
        for name, value in environment.items()
        if name not in _NOT_PASSED
    ]
    return [
        docker,
        "run",
        "--rm",
        f"--name={name}",
        f"--label={_label(scratch.parent)}",
        f"--user={os.getuid()}:{os.getgid()}",
        f"--mount=type=bind,source={scratch},target={scratch}",
        f"--workdir={scratch}",
        *passed,
        image.docker_reference or image.source,
        *inside,
    ]


def name_of(scratch: Path) -> str:
    """The name of the container of a job: unlike that of any other queue's."""
    return f"htmap-{_digest(scratch.parent)}-{scratch.name}"


def tell(verb: str, name: str) -> None:
    """Have docker pause, unpause or kill a container. One that is not there needs nothing."""
    _run(verb, name)


def discard(name: str) -> None:
    """Remove a container, if it is still there."""
    _run("rm", "--force", name)


def end_leftovers(scratch_root: Path) -> None:
    """Remove the containers of a supervisor that was killed."""
    for name in _run("ps", "--all", "--quiet", f"--filter=label={_label(scratch_root)}").split():
        discard(name)


def _docker(image: Image) -> str | None:
    return shutil.which("docker") if image.docker_reference else None


def _apptainer(image: Image) -> str | None:
    if image.universe == "docker":
        return None
    return next(filter(None, map(shutil.which, _RUNTIMES)), None)


def _label(scratch_root: Path) -> str:
    return f"htmap.queue={_digest(scratch_root)}"


def _digest(scratch_root: Path) -> str:
    return hashlib.sha256(os.fsencode(scratch_root)).hexdigest()[:12]


def _run(*arguments: str) -> str:
    docker = shutil.which("docker")
    if docker is None:
        return ""
    with contextlib.suppress(OSError, subprocess.TimeoutExpired):
        done = subprocess.run(
            [docker, *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_S,
            check=False,
        )
        return done.stdout
    return ""
