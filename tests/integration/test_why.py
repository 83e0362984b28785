"""Mistakes that keep jobs idle for ever are named, each by the condition that it is about."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import htmap

MISTAKES: list[tuple[dict[str, Any], str]] = [
    ({"request_memory": "900GB"}, "asked for 900 GB; the largest machine has"),
    ({"request_disk": "900TB"}, "asked for 900.0 TB; the largest machine has"),
    ({"request_cpus": 5000}, "asked for 5000; the largest machine has"),
    ({"request_memory": "900GB", "request_cpus": 5000}, "Cpus >= RequestCpus"),
    ({"requirements": 'Arch == "SPARC"'}, '== "SPARC"'),
    ({"requirements": 'OpSys == "Linux7"'}, '== "Linux7"'),
    ({"requirements": 'Machine == "no.such.machine"'}, "no.such.machine"),
    ({"requirements": "HasGpus"}, "HasGpus"),
    ({"requirements": "HasSlurm =?= true"}, "HasSlurm"),
    ({"requirements": "OpSysMajorVer == 5"}, "== 5"),
    ({"requirements": "Memory > 10000000"}, "> 10000000"),
    ({"requirements": "Memmory > 10"}, "Memmory > 10"),
    ({"requirements": "false"}, "false"),
    ({"requirements": "HasGlidein == true && Arch =!= undefined"}, "HasGlidein"),
    ({"requirements": 'regexp("^gpu", Machine)'}, "^gpu"),
    ({"requirements": 'stringListMember("lab", Labels)'}, "Labels"),
    ({"requirements": 'UidDomain == "physics.example.org"'}, "physics.example.org"),
    ({"requirements": "KFlops > 1e15"}, "KFlops >"),
    ({"requirements": "(Cpus >= 1) && (TotalGPUs > 3)"}, "TotalGPUs > 3"),
    ({"requirements": "HasSingularity && HasDocker && HasJava"}, "HasJava"),
    ({"requirements": 'TARGET.FileSystemDomain == "elsewhere"'}, "elsewhere"),
]


@pytest.mark.parametrize(("options", "named"), MISTAKES, ids=[str(number) for number in range(len(MISTAKES))])
def test_a_mistake_is_named(options: dict[str, Any], named: str, pool_home: Path) -> None:
    assert pool_home.exists()
    m = htmap.map(abs, [-1], quiet=True, map_options=htmap.MapOptions(**options))
    try:
        text = m.why(0)
        assert "None of the" in text, text
        assert named in text.partition("None of the")[2], text
    finally:
        m.remove()


def test_what_can_run_is_not_said_to_be_a_mistake(pool_home: Path) -> None:
    assert pool_home.exists()
    m = htmap.map(abs, [-1], quiet=True)
    try:
        assert "None of the" not in m.why()
        m.wait(60)
        assert "COMPLETED" in m.why()
    finally:
        m.remove()
