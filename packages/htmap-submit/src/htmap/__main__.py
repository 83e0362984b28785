"""``python -m htmap``: the command ``htmap``, where it is not on the PATH."""

from __future__ import annotations

import sys

from htmap.cli.app import main

if __name__ == "__main__":
    sys.exit(main())
