"""The checkpoints of one component: ``htmap.checkpoint``.

In: paths that the function names. Out: copies in ``_htmap_checkpoint/<component>/<number>/``, put back into the scratch
directory when the component starts again. On the other side: HTCondor, which carries that directory to the access point
and to the next node; and a kill, which may come between any two lines here.

::

    <component>/new-<pid>-<n>/     being made; of no account
    <component>/<number>/          a checkpoint, whole since its rename; the highest number counts
        files/                     laid out as in the scratch directory
        stdout  stderr  usage      what the component had printed and used by then

Nothing is ever replaced, so there is no moment without a checkpoint, and threads and processes of the function may all
call at once: one of them gets the highest number.
"""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
from collections.abc import Collection, Iterable

from htmap_common.agreed import CHECKPOINT
from htmap_common.trees import Tree, is_inside, survey

from .capture import copy_streams, put_back_streams
from .kept_files import KeptFiles
from .trees import copy, remove, tell_left_out, unlocking
from .usage import Usage
from .user_files import checked

_FILES = "files"
_USAGE = "usage"
_unique = itertools.count()


class Checkpoints:
    """The checkpoints of one component.

    Parameters
    ----------
    scratch
        Absolute path of the scratch directory.
    kept
        Holds the files of the last checkpoint.
    """

    def __init__(self, scratch: str, component: int, kept: KeptFiles | None = None) -> None:
        self._scratch = scratch
        self._component = component
        self._place = os.path.join(scratch, CHECKPOINT, str(component))
        self._kept = kept or KeptFiles()
        self._is_news = False
        self._places: set[str] = set()

    def save(self, paths: Iterable[str | os.PathLike[str]], usage: Usage) -> None:
        """Copy files and directories. If this raises, the checkpoint before is still there.

        Parameters
        ----------
        usage
            What the component has used so far, over all its starts.
        """
        new = os.path.join(self._place, f"new-{os.getpid()}-{next(_unique)}")
        try:
            self._fill(new, paths, usage)
            self._is_news = self._is_news or not self._says_the_same(new)
            self._publish(new)
        except BaseException:
            remove(new)
            raise
        last = self._last() or 0
        self._remove(name for name in _names(self._place) if name.isdigit() and int(name) < last)

    def is_news(self) -> bool:
        """Whether there is a checkpoint that says something else than the one that this start began with."""
        return self._is_news

    def restore(self) -> bool:
        """Put the last checkpoint back, and say whether there was one."""
        number = self._last()
        # What was never finished, or not removed in time.
        self._remove(name for name in _names(self._place) if name != str(number))
        if number is None:
            return False
        checkpoint = os.path.join(self._place, str(number))
        self._kept.keep(checkpoint)
        put_back_streams(self._scratch, self._component, checkpoint)
        files = os.path.join(checkpoint, _FILES)
        for name in _names(files):
            copy(survey(os.path.join(files, name)), os.path.join(self._scratch, name))
            self._places.add(name)
        return True

    def usage(self) -> Usage | None:
        """What the component had used at its last checkpoint."""
        number = self._last()
        if number is None:
            return None
        try:
            with open(os.path.join(self._place, str(number), _USAGE), encoding="ascii") as file:
                started, wall_s, user_cpu_s, system_cpu_s, peak_memory_kb = map(float, file.read().split())
        except (OSError, ValueError):
            return None
        return Usage(started, wall_s, user_cpu_s, system_cpu_s, int(peak_memory_kb))

    def clear_scratch(self, sent: Collection[str]) -> None:
        """Take what was checkpointed out of the scratch directory: the next component would take it for its own.

        Parameters
        ----------
        sent
            Names of what was sent along for all components; it stays.
        """
        last = os.path.join(self._place, str(self._last()), _FILES)  # of a component that has ended its process
        for place in {*self._places, *_names(last)}:
            path = os.path.join(self._scratch, place)
            # A link may lead elsewhere by now.
            is_here = is_inside(os.path.realpath(os.path.dirname(path)), self._scratch)
            if is_here and place.split(os.sep, 1)[0] not in sent:
                with contextlib.suppress(OSError):
                    remove(path)

    def forget(self) -> None:
        """Remove them: the component has returned, and its record is written."""
        self._kept.let_go(self._place)
        remove(self._place)

    def _fill(self, new: str, paths: Iterable[str | os.PathLike[str]], usage: Usage) -> None:
        os.makedirs(os.path.join(new, _FILES))
        trees: list[Tree] = []
        for source, place in self._placed(paths).items():
            target = os.path.join(new, _FILES, place)
            os.makedirs(os.path.dirname(target), exist_ok=True)
            trees.append(survey(source, unlock=unlocking(self._scratch, is_leaving=False)))
            copy(trees[-1], target)
            self._places.add(place)
        tell_left_out(trees, "checkpoint")
        copy_streams(self._scratch, self._component, new)
        with open(os.path.join(new, _USAGE), "w", encoding="ascii") as file:
            file.write(" ".join(map(repr, usage)))

    def _publish(self, new: str) -> None:
        while True:
            number = (self._last() or 0) + 1
            try:
                os.rename(new, os.path.join(self._place, str(number)))
            except OSError as error:
                if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                    raise
                continue  # another thread was faster
            self._kept.keep(os.path.join(self._place, str(number)))
            return

    def _last(self) -> int | None:
        return max(map(int, filter(str.isdigit, _names(self._place))), default=None)

    def _remove(self, names: Iterable[str]) -> None:
        for name in names:
            # Another thread may be at it too. What stays does no harm.
            with contextlib.suppress(OSError):
                self._kept.let_go(os.path.join(self._place, name))
                remove(os.path.join(self._place, name))

    def _says_the_same(self, new: str) -> bool:
        number = self._last()
        return number is not None and _is_same(
            os.path.join(new, _FILES), os.path.join(self._place, str(number), _FILES)
        )

    def _placed(self, paths: Iterable[str | os.PathLike[str]]) -> dict[str, str]:
        """Each path with its place in the checkpoint: as in the scratch directory; from elsewhere, the name."""
        places: dict[str, str] = {}
        for path in paths:
            source = checked(path, "checkpoint", self._scratch)
            is_inside = os.path.commonpath([source, self._scratch]) == self._scratch
            place = os.path.relpath(source, self._scratch) if is_inside else os.path.basename(source)
            for other, taken in places.items():
                if taken == place and other != source:
                    raise ValueError(f"htmap.checkpoint() cannot put back both {other!r} and {source!r} as {place!r}.")
            places[source] = place
        return places


def _names(directory: str) -> list[str]:
    try:
        return os.listdir(directory)
    except FileNotFoundError:
        return []


def _is_same(one: str, other: str) -> bool:
    """Whether two files, or all files of two directories, have the same content."""
    if os.path.isdir(one) and os.path.isdir(other):
        names = os.listdir(one)
        return sorted(names) == sorted(os.listdir(other)) and all(
            _is_same(os.path.join(one, name), os.path.join(other, name)) for name in names
        )
    import filecmp  # noqa: PLC0415 - seldom needed

    return os.path.isfile(one) and os.path.isfile(other) and filecmp.cmp(one, other, shallow=False)
