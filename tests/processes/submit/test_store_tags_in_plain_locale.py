"""Mirrors htmap.store.tags in locales whose names of files are not UTF-8."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from htmap.store import tags
from htmap.store.mapdir import Home
from htmap.store.tags import Tag

PROGRAM = """
import json, sys
import htmap
from htmap.store import tags
from htmap.store.mapdir import Home
home = Home.of(htmap.settings)
found = [tags.find(home, tag).uid for tag in tags.names(home)]
tags.claim(home, tags.Tag("m\\u00fcll", "0c", transient=False))
print(json.dumps([tags.names(home), found, sys.getfilesystemencoding()]))
"""


@pytest.mark.parametrize("locale", ["C", "POSIX"])
def test_every_locale_sees_and_makes_the_same_tags(locale: str, tmp_path: Path) -> None:
    home = Home(tmp_path / "htmap")
    home.tags.mkdir(parents=True, mode=0o700)
    home.path.chmod(0o700)
    tags.claim(home, Tag("fit-é", "0a", transient=False))
    plain = {"LC_ALL": locale, "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "HTMAP_DIR": str(home.path)}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], env={**os.environ, **plain}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    names, found, encoding = json.loads(done.stdout)
    assert encoding != "utf-8"
    assert (names, found) == (["fit-é", "müll"], ["0a"])
    assert tags.find(home, "müll").uid == "0c"
