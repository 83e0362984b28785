"""``python -m htmap_common FILE...``: print files of HTMap as JSON.

In: paths. Out: one JSON document per file on stdout; one sentence per damaged or unreadable file on stderr, and exit
code 1. Nothing is unpickled, so files from anywhere may be looked at.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence

from htmap_common.wire import describe


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit code."""
    parser = argparse.ArgumentParser(prog="python -m htmap_common", description="Print files of HTMap as JSON.")
    parser.add_argument("files", metavar="FILE", nargs="+")
    complaints = [complaint for file in parser.parse_args(arguments).files if (complaint := _print(file))]
    for complaint in complaints:
        print(complaint, file=sys.stderr)
    return 1 if complaints else 0


def _print(file: str) -> str | None:
    try:
        description = describe(file)
    except OSError as error:
        return f"The file {file} cannot be read: {error.strerror}."
    print(json.dumps(description, indent=2))
    return description["damage"][0] if description["damage"] else None


if __name__ == "__main__":
    sys.exit(main())
