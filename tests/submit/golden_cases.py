"""Submit descriptions as they must be, character by character: a table of what is asked for.

In: nothing. Out: ``golden/<case>``, each the description and its items. Run it to write them anew, and read the
difference before you commit it: a description is what maps that are already made have to be rerun with.

    python tests/submit/golden_cases.py
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from htmap import MapOptions, TransferPath
from htmap.create.description import Plan, render, renumbered
from htmap.create.inputs import StoredInputs
from htmap.create.jobs import items
from htmap.create.links import Links
from htmap.create.transfers import Sender
from htmap.language.description import parse
from htmap.store.mapdir import Home, MapDir

GOLDEN = Path(__file__).parent / "golden"

BUNDLE = {"executable": "/home/me/.htmap/runners/htmap-exec-1f2e3d.pyz", "transfer_executable": "true"}
SHARED = {
    "executable": "/opt/python/bin/python3",
    "transfer_executable": "false",
    "arguments": '"-m htmap_exec $(runner_arguments)"',
}
CONTAINER = {
    **BUNDLE,
    "Container_Image": "/images/science.sif",
    "requirements": "HasSIF",
    "transfer_input_files": "/images/science.sif",
}


@dataclass(frozen=True)
class Case:
    """What is asked for, with the files below `root` at hand."""

    options: Callable[[Path], MapOptions] = lambda _root: MapOptions()
    delivery: Mapping[str, str] = field(default_factory=lambda: BUNDLE)
    chunksize: int = 1
    components: int = 2
    files: Callable[[Path, int], list[TransferPath]] = lambda _root, _component: []
    per_shard: int = 1000
    threshold: int = 10_000
    submission: int = 0

    def plan(self, root: Path) -> Plan:
        return plan_of(self.options(root), self.chunksize, self.delivery, self.threshold, root)

    def text(self, root: Path) -> str:
        """The submit description."""
        map_dir = map_dir_below(root)
        text = render(self.plan(root), map_dir, -(-self.components // self.chunksize))
        return renumbered(parse(text), map_dir, self.submission).render() if self.submission else text

    def lines(self, root: Path) -> list[str]:
        """The items: one line for each job."""
        return list(items(self.plan(root), sender_below(root), map_dir_below(root), self._stored(root)))

    def _stored(self, root: Path) -> Iterator[StoredInputs]:
        sender = sender_below(root)
        for shard, first in enumerate(range(0, self.components, self.per_shard)):
            components = range(first, min(first + self.per_shard, self.components))
            files = {each: tuple(file.entry for file in sender.of_call(self.files(root, each))) for each in components}
            yield StoredInputs(shard, components, files)


def plan_of(
    options: MapOptions,
    chunksize: int = 1,
    delivery: Mapping[str, str] = BUNDLE,
    threshold: int = 10_000,
    root: Path = Path("/absent"),
) -> Plan:
    """What is planned for a function fit_one; links are made below `root`, if any are needed."""
    fixed = sender_below(root).flat(options.fixed_input_files)
    return Plan("fit", "fit_one", chunksize, options, fixed, delivery, 1000, threshold)


def map_dir_below(root: Path) -> MapDir:
    return Home(root / "htmap").map("0a1b2c3d4e5f6071")


def sender_below(root: Path) -> Sender:
    return Sender(Links(root / "links", map_dir_below(root).links))


CASES: dict[str, Case] = {
    "plain": Case(),
    "shared": Case(delivery=SHARED),
    "values": Case(
        lambda _root: MapOptions(
            request_cpus=2,
            Request_Memory="1 GB",
            request_gpus="1",
            getenv=True,
            rank=1.5,
            environment="\"A=1 B='x y'\"",
        )
    ),
    "own-attributes": Case(
        lambda _root: MapOptions(custom_options={"ProjectName": '"Physics"', "+Urgent": True, "MY.Site.Name": '"a, b"'})
    ),
    "varying": Case(
        lambda _root: MapOptions(
            request_memory=["1GB", 2048],
            requirements=["Arch", "OpSys"],
            custom_options={"Site.Name": ['"a, b"', '"c d"']},
        )
    ),
    "requirements": Case(lambda _root: MapOptions(requirements="A || B"), delivery=CONTAINER),
    "varying-requirements": Case(lambda _root: MapOptions(requirements=["A || B", "C"]), delivery=CONTAINER),
    "files": Case(
        lambda root: MapOptions(
            fixed_input_files=[root / "two words", "osdf:///ospool/big.tar", TransferPath(root / "naïve ☃.csv")],
            input_files=[[root / "it's"], [root / 'the "one"', TransferPath("x", protocol="s3", location="bucket")]],
        )
    ),
    "files-of-inputs": Case(
        files=lambda root, component: [
            TransferPath(root / ("a" if component else "b") / "same name.csv"),
            TransferPath("data/x.csv", protocol="http", location="example.org"),
        ][: component + 1]
    ),
    "chunks": Case(
        chunksize=3,
        components=8,
        per_shard=4,
        files=lambda root, component: [TransferPath(root / "a" / "same name.csv")] if component in {1, 2, 7} else [],
    ),
    "remaps": Case(
        lambda root: MapOptions(
            output_remaps={
                "fit.csv": TransferPath(root / "fit $(component).csv"),
                "plots/1.png": TransferPath("plots of $(component).png", protocol="https", location="example.org"),
            }
        )
    ),
    "remaps-of-chunks": Case(
        lambda root: MapOptions(output_remaps={"fit.csv": TransferPath(root / "$(Component).csv")}),
        chunksize=2,
        components=3,
    ),
    "one-job-of-many": Case(chunksize=10, components=3),
    "ends-and-locals": Case(lambda _root: MapOptions(end_within="10min", show_locals=False)),
    "fresh-processes": Case(lambda _root: MapOptions(fresh_process=True), chunksize=2, components=3),
    "late-materialization": Case(components=4, threshold=3),
    "late-materialization-as-the-user-wants-it": Case(
        lambda _root: MapOptions(max_materialize=7), components=4, threshold=3
    ),
    "holds-as-the-user-wants-them": Case(
        lambda _root: MapOptions(on_exit_hold="ExitCode =?= 7", periodic_hold="false")
    ),
    "checkpoints": Case(lambda _root: MapOptions(checkpoint_interval=3600)),
    "rerun": Case(lambda _root: MapOptions(request_memory=["1GB", "2GB"]), submission=3),
}


def make_files(root: Path) -> None:
    """The files that the cases refer to."""
    for name in ("two words", "naïve ☃.csv", "it's", 'the "one"', "a/same name.csv", "b/same name.csv"):
        path = root / name
        path.parent.mkdir(exist_ok=True)
        path.touch()


def written(case: Case, root: Path) -> str:
    """A case as its golden file has it: with /ROOT for the place of the files, and a visible separator."""
    whole = case.text(root) + "\n# items\n" + "".join(case.lines(root)).replace("\x1f", "␟")
    return whole.replace(str(root), "/ROOT").replace(str(root).lstrip("/"), "ROOT")


def main() -> None:
    """Write the golden files anew."""
    GOLDEN.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        make_files(Path(folder))
        for name, case in CASES.items():
            (GOLDEN / name).write_text(written(case, Path(folder)), encoding="utf-8")


if __name__ == "__main__":
    main()
