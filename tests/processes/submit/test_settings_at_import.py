"""Mirrors htmap.settings: what a new process makes of variables and of ~/.htmaprc."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path


def python(code: str, **environ: str) -> str:
    """What a fresh Python prints."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HTMAP_")}
    done = subprocess.run(
        [sys.executable, "-c", code], env={**kept, **environ}, capture_output=True, text=True, check=True, timeout=60
    )
    return done.stdout.strip()


LOOK_UP = """
import htmap
try:
    print(htmap.settings["BACKEND"], htmap.settings["LOCAL.SLOTS"])
except htmap.exceptions.InvalidSetting as error:
    print(error)
"""


def test_variables_win_over_the_file_and_the_file_over_the_defaults(tmp_path: Path) -> None:
    (tmp_path / ".htmaprc").write_text('backend = "local"\n[local]\nslots = 2\n')
    assert python(LOOK_UP, HOME=str(tmp_path)) == "local 2"
    assert python(LOOK_UP, HOME=str(tmp_path), HTMAP_LOCAL__SLOTS="5") == "local 5"


def test_a_malformed_htmaprc_is_named_at_the_first_lookup_not_at_the_import(tmp_path: Path) -> None:
    (tmp_path / ".htmaprc").write_text("BACKEND = local")
    assert python(LOOK_UP, HOME=str(tmp_path)).startswith(f"{tmp_path}/.htmaprc, line 1, column")


def test_a_home_that_cannot_be_entered_does_not_keep_htmap_from_being_imported(tmp_path: Path) -> None:
    locked = tmp_path / "locked"
    locked.mkdir(mode=0)
    assert "htmaprc" in python(LOOK_UP, HOME=str(locked))
    locked.chmod(0o700)


def test_nobody_at_home_does_not_keep_htmap_from_being_imported() -> None:
    code = "import os; del os.environ['HOME']; os.getuid = lambda: 987654321; " + LOOK_UP.replace("\n", "\n", 1)
    assert python(code) == "auto 0"


def test_settings_made_of_broken_ones_are_broken_too(tmp_path: Path) -> None:
    (tmp_path / ".htmaprc").write_text("BACKEND = local")
    code = LOOK_UP.replace("htmap.settings[", "htmap.settings.Settings.from_settings(htmap.USER_SETTINGS)[")
    assert python(code, HOME=str(tmp_path)).startswith(f"{tmp_path}/.htmaprc, line 1")
