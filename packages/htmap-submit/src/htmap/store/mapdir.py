"""Every path below HTMAP_DIR, spelled once.

::

    HTMAP_DIR/
      tags/<tag>                        names a map
      maps/<uid>/                       one map (a leading dot: being made, or being removed)
        map  function  lock  events  state
        inputs/<nnn>/<shard>            framed shards of inputs, at most 1,000 in a folder
        links/<hash>/                   leads to an input file whose path no list of files can carry
        submissions/<k>/
          submission  submit  items
          outputs/<nnn>/<proc>          one file of records a job
          logs/<nnn>/<proc>             what the job itself printed: the runner, a container runtime
        output_files/<component>/       what transfer_output_files sent back
        checkpoints/<component>/        what a component had last checkpointed when its job ended without its result
      initial/                          what every scratch directory starts with: empty outputs
      runners/<name>                    zips of the runner, scripts; named by content, shared by all maps
      local/                            the queue of the local backend
      sizes.json                        what maps occupied when that was last counted: only a cache
      transplants/<name>                archives of environments, named by content (setting TRANSPLANT.DIR)
      logs/
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from htmap.exceptions import InvalidSetting
from htmap.language.words import unusable
from htmap.settings import Settings
from htmap.store.atomic import make_private_directory, storage_errors
from htmap.store.old_tool import is_map_of_old_tool
from htmap.store.trust import check_trusted, is_trusted, make_trusted_directory
from htmap_common.agreed import CHECKPOINT, OUTPUTS, TRANSFER

_OURS = re.compile(r"(?:\.new-|\.old-)?[0-9a-f]{16}")

PER_FOLDER = 1000
"""Files in one folder: file systems and people both suffer from more."""


def folder_of(number: int) -> str:
    """The folder for the file with this number."""
    return f"{number // PER_FOLDER:03d}"


@dataclass(frozen=True, slots=True)
class Home:
    """HTMAP_DIR."""

    path: Path

    @classmethod
    def of(cls, settings: Settings) -> Home:
        """The home that settings name, made if it is not there yet."""
        home = cls(_usable(settings["HTMAP_DIR"]))
        with storage_errors(f"use {home.path} as HTMAP_DIR"):
            for directory in (home.path, home.tags, home.maps, home.runners):
                make_private_directory(directory)
                make_trusted_directory(directory)
            for directory in (home.initial, home.local, home.transplants):
                check_trusted(directory)
            home._make_initial()
        return home

    def _make_initial(self) -> None:
        # Each is looked for: what tidies up empty folders would else keep every job from coming back.
        for name in (TRANSFER, CHECKPOINT):
            if not (self.initial / name).exists():
                make_private_directory(self.initial / name)
        if not (self.initial / OUTPUTS).exists():
            (self.initial / OUTPUTS).touch(0o600)

    @property
    def tags(self) -> Path:
        return self.path / "tags"

    @property
    def maps(self) -> Path:
        return self.path / "maps"

    @property
    def runners(self) -> Path:
        return self.path / "runners"

    @property
    def initial(self) -> Path:
        """What every scratch directory starts with.

        HTCondor holds a job that is evicted (or held by its user) while a file is missing that should come back, and
        the runner may not have got to run at all by then. So what should come back is sent there, empty.
        """
        return self.path / "initial"

    @property
    def local(self) -> Path:
        return self.path / "local"

    @property
    def transplants(self) -> Path:
        return self.path / "transplants"

    @property
    def logs(self) -> Path:
        """Where HTMap itself keeps a log, if a setting asks for it."""
        return self.path / "logs"

    @property
    def sizes(self) -> Path:
        """What maps occupied on disk when that was last counted; a cache."""
        return self.path / "sizes.json"

    def map_directories(self) -> list[MapDir]:
        """What HTMap has put below ``maps/``: maps, and what was to be one."""
        return [MapDir(path) for path in self._below_maps() if _is_ours(path)]

    def foreign(self) -> list[Path]:
        """What somebody else has put below ``maps/``; but see `maps_of_old_tool`."""
        return [path for path in self._below_maps() if not (_is_ours(path) or is_map_of_old_tool(path))]

    def maps_of_old_tool(self) -> list[Path]:
        """Maps that the HTMap before this one has put there."""
        return [path for path in self._below_maps() if is_map_of_old_tool(path)]

    def _below_maps(self) -> list[Path]:
        with storage_errors("list maps"):
            return sorted(self.maps.iterdir())

    def map(self, uid: str) -> MapDir:
        return MapDir(self.maps / uid)

    def staging(self, uid: str) -> MapDir:
        """Where a map is made before it can be seen."""
        return MapDir(self.maps / f".new-{uid}")

    def dying(self, uid: str) -> MapDir:
        """Where a map goes that is being removed."""
        return MapDir(self.maps / f".old-{uid}")


@dataclass(frozen=True, slots=True)
class MapDir:
    """The directory of one map."""

    path: Path

    @property
    def uid(self) -> str:
        return self.path.name

    @property
    def home(self) -> Home:
        return Home(self.path.parent.parent)

    @property
    def map(self) -> Path:
        return self.path / "map"

    @property
    def function(self) -> Path:
        return self.path / "function"

    @property
    def lock(self) -> Path:
        return self.path / "lock"

    @property
    def events(self) -> Path:
        return self.path / "events"

    @property
    def state(self) -> Path:
        return self.path / "state"

    @property
    def all_output_files(self) -> Path:
        return self.path / "output_files"

    @property
    def checkpoints(self) -> Path:
        """What components had last checkpointed when their job ended without their result."""
        return self.path / "checkpoints"

    @property
    def links(self) -> Path:
        return self.path / "links"

    @property
    def inputs(self) -> Path:
        return self.path / "inputs"

    def shard(self, number: int) -> Path:
        return self.path / shard_name(number)

    @property
    def submissions(self) -> Path:
        return self.path / "submissions"

    def submission(self, number: int) -> SubmissionDir:
        return SubmissionDir(self.submissions / str(number))

    def submission_numbers(self) -> Iterator[int]:
        """The submissions that are whole, oldest first."""
        number = 0
        while self.submission(number).submission.exists():
            yield number
            number += 1

    def output_files(self, component: int) -> Path:
        return self.all_output_files / str(component)


@dataclass(frozen=True, slots=True)
class SubmissionDir:
    """The directory of one submission of a map."""

    path: Path

    @property
    def submission(self) -> Path:
        return self.path / "submission"

    @property
    def submit(self) -> Path:
        return self.path / "submit"

    @property
    def items(self) -> Path:
        return self.path / "items"

    @property
    def outputs(self) -> Path:
        return self.path / "outputs"

    @property
    def logs(self) -> Path:
        return self.path / "logs"

    def output(self, job: int) -> Path:
        return self.outputs / folder_of(job) / str(job)

    def log(self, job: int) -> Path:
        return self.logs / folder_of(job) / str(job)


def shard_name(number: int) -> str:
    """Path of a shard below the directory of its map."""
    return f"inputs/{folder_of(number)}/{number:06d}"


def _is_ours(path: Path) -> bool:
    return _OURS.fullmatch(path.name) is not None and path.is_dir() and is_trusted(path)


# Every path of ours stands in submit descriptions, in lists of files and remaps: these marks mean something there.
_MARKS = '\t,;"|'


def _usable(directory: str) -> Path:
    if not directory.strip():  # a variable that is set to nothing; taken for a path, it is the folder one is in
        raise InvalidSetting("The setting HTMAP_DIR is empty: name a directory, or do not set it at all.")
    try:
        path = Path(directory).expanduser()
    except RuntimeError:
        raise InvalidSetting(f"The setting HTMAP_DIR is {directory!r}, but there is no such home directory.") from None
    path = path if path.is_absolute() else _fixed(path)
    if bad := unusable(str(path), _MARKS):
        raise InvalidSetting(f"The setting HTMAP_DIR is {str(path)!r}: HTCondor cannot use a path with {bad!r}.")
    return path


@functools.cache
def _fixed(relative: Path) -> Path:
    """A relative path as it was at its first use: a program that changes its directory keeps its maps."""
    return relative.absolute()
