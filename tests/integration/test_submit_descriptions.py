"""What HTMap shows before it submits is what ``condor_submit`` takes, and what it makes of it is what was meant."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import htmap
from htmap import MapOptions, TransferPath
from testbed.pool import Pool

OPTIONS = {
    "plain": MapOptions(),
    "numbers": MapOptions(request_cpus=2, request_memory="3GB", request_disk=4096),
    "quotes": MapOptions(environment='"GREETING=\'it is\' COLOR=""red"""', custom_options={"Project": '"a b"'}),
    "macros": MapOptions(custom_options={"Place": '"$(component) of $(htmap_submission)"'}),
    "each its own": MapOptions(request_memory=[100, 200], custom_options={"Name": ['"one"', '"two"']}),
    "requirements": MapOptions(requirements="Memory > 1 || TARGET.Cpus > 1"),
}
EXPECTED = {
    "plain": {"MY.IsHTMapJob": ["true", "true"], "component": ["0", "1"], "JobBatchName": ['"seen"'] * 2},
    "numbers": {"RequestCpus": ["2", "2"], "RequestMemory": ["3072", "3072"], "RequestDisk": ["4096", "4096"]},
    "quotes": {"Project": ['"a b"'] * 2, "Environment": ['"COLOR=\\"red\\" GREETING=it\' \'is"'] * 2},
    "macros": {"Place": ['"0 of 0"', '"1 of 0"']},
    "each its own": {"RequestMemory": ["100", "200"], "Name": ['"one"', '"two"']},
    "requirements": {},
}


@pytest.mark.parametrize("name", OPTIONS)
def test_condor_submit_takes_what_is_shown(name: str, pool: Pool, pool_home: Path, tmp_path: Path) -> None:
    sent = pool_home / "some file"
    sent.touch()
    text = htmap.submit_description(len, [[TransferPath(sent)], [2]], map_options=OPTIONS[name], tag="seen")
    (tmp_path / "shown.sub").write_text(text)
    pool.run("condor_submit", "-dry-run", str(tmp_path / "ads"), str(tmp_path / "shown.sub"))
    ads = list(written_ads((tmp_path / "ads").read_text()))
    assert len(ads) == 2
    assert str(sent).lstrip("/") in ads[0]["transferinput"]
    assert str(sent).lstrip("/") not in ads[1]["transferinput"]
    for attribute, values in EXPECTED[name].items():
        assert [ad[attribute.removeprefix("MY.").casefold()] for ad in ads] == values
    if name == "requirements":
        assert all("(Memory > 1 || TARGET.Cpus > 1)" in ad["requirements"] for ad in ads)


def written_ads(text: str) -> Iterator[dict[str, str]]:
    """The jobs in the output of a dry run; what is the same in all of them is written for the first one only."""
    common: dict[str, str] = {}
    for block in text.split("\n\n"):
        lines = [line for line in block.splitlines() if "=" in line]
        if lines:
            common |= {name.casefold(): value for name, _, value in (line.partition("=") for line in lines)}
            yield dict(common)
