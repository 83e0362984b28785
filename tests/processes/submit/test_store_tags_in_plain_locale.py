"""Mirrors htmap.store.tags in a locale that has ASCII only."""

from __future__ import annotations

import os
import subprocess
import sys


def test_a_tag_that_the_locale_cannot_spell_is_refused() -> None:
    script = "from htmap.store import tags; tags.check('t\\u00fc')"
    plain = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    done = subprocess.run(
        [sys.executable, "-c", script], env={**os.environ, **plain}, capture_output=True, text=True, check=False
    )
    assert "InvalidTag" in done.stderr
    assert "use ASCII" in done.stderr
