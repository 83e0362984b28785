"""Mutate and read, count and remember.

In: a folder for the map that samples are taken of, a seed. Out: figures, and what was not borne.
"""

from __future__ import annotations

import contextlib
import random
import resource
import signal
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

from htmap.exceptions import HTMapException
from htmap_common.wire import WireError
from mutations import through
from mutations.changes import changed
from mutations.kinds import READERS
from mutations.samples import Sample, make, of

LIMIT_MB = 100
"""More memory than before, at any time."""

_HANG_S = 5.0
_SHOWN = 10


class Hang(BaseException):
    """A reader does not come to an end."""


class Run:
    """Mutations of the files of one map.

    Parameters
    ----------
    folder
        Where the map is made; empty.
    seed
        With the same one, the same files go wrong in the same ways (what a map writes differs from run to run).
    """

    def __init__(self, folder: Path, seed: int) -> None:
        self._samples = of(make(folder))
        self._sound = [sample.path.read_bytes() for sample in self._samples]
        self._seed = seed
        self.counts: Counter[str] = Counter()
        self.failures: list[str] = []
        self.slowest_s = 0.0
        self._before_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    @property
    def peak_mb(self) -> float:
        """Memory that the readers took at most, above what was used before."""
        return (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - self._before_kb) / 1024

    def read(self, count: int) -> None:
        """Give so many files to the readers of their kind."""
        for number in range(count):
            at = number % len(self._samples)
            sample = self._samples[at]
            with self._gone_wrong(number, at, _chance(self._seed, number)):
                try:
                    READERS[sample.kind](sample.path)
                except (WireError, HTMapException):
                    self.counts["refused"] += 1
                except BaseException as error:  # noqa: BLE001 - that is what is looked for
                    self._remember(number, sample, error)
                else:
                    self.counts["read"] += 1

    def look(self, count: int) -> None:
        """Look at the map by the public API while one of its files is signed again, so many times."""
        wire = [at for at, sample in enumerate(self._samples) if sample.is_wire and sample.path.name != "unfinished"]
        for number in range(count):
            at = wire[number % len(wire)]
            with self._gone_wrong(number, at, _chance(self._seed, ~number)):
                for error in through.look():
                    self._remember(number, self._samples[at], error)
                self.counts["looked at"] += 1

    def is_good(self) -> bool:
        """Whether everything was borne."""
        return not self.failures and self.peak_mb < LIMIT_MB

    def summary(self) -> str:
        """What became of it."""
        counts = ", ".join(f"{count:,} {what}" for what, count in sorted(self.counts.items()))
        lines = [
            f"{counts}; {len(self.failures)} not borne; slowest {self.slowest_s:.2f} s, {self.peak_mb:.0f} MB more"
        ]
        return "\n".join([*self.failures[:_SHOWN], *lines])

    @contextlib.contextmanager
    def _gone_wrong(self, number: int, at: int, chance: random.Random) -> Iterator[None]:
        sample, sound = self._samples[at], self._sound[at]
        sample.path.write_bytes(changed(sound, self._sound, chance, is_wire=sample.is_wire))
        begun = time.perf_counter()
        try:
            with _at_most(_HANG_S):
                yield
        except Hang as error:
            self._remember(number, sample, error)
        finally:
            self.slowest_s = max(self.slowest_s, time.perf_counter() - begun)
            sample.path.write_bytes(sound)

    def _remember(self, number: int, sample: Sample, error: BaseException) -> None:
        told = "".join(traceback.format_exception(error)[-6:]) if len(self.failures) < _SHOWN else repr(error)
        self.failures.append(f"mutation {number} (seed {self._seed}) of {sample.kind}: {told}")


def _chance(seed: int, number: int) -> random.Random:
    return random.Random(seed * 1_000_003 + number)  # noqa: S311 - of no secret


@contextlib.contextmanager
def _at_most(seconds: float) -> Iterator[None]:
    def end(_number: int, _frame: FrameType | None) -> None:
        raise Hang(f"not at its end after {seconds} s")

    before = signal.signal(signal.SIGALRM, end)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
