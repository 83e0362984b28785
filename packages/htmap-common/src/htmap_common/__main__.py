"""``python -m htmap_common FILE...``: print files of HTMap as JSON.

In: paths. Out: one JSON document per file on stdout; one sentence per damaged or unreadable file on stderr, and exit
code 1. Nothing is unpickled, so files from anywhere may be looked at.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
from collections.abc import Sequence

from htmap_common.wire import describe


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit code."""
    parser = argparse.ArgumentParser(prog="python -m htmap_common", description="Print files of HTMap as JSON.")
    parser.add_argument("files", metavar="FILE", nargs="+")
    complaints = [complaint for file in parser.parse_args(arguments).files if (complaint := _show(file))]
    sys.stderr.writelines(f"{complaint}\n" for complaint in complaints)
    return 1 if complaints else 0


def _show(file: str) -> str | None:
    try:
        description = describe(file)
    except OSError as error:
        return f"The file {file} cannot be read: {error.strerror or error}."
    sys.stdout.write(json.dumps(description, indent=2) + "\n")
    return description["damage"][0] if description["damage"] else None


if __name__ == "__main__":
    # Whoever reads the output may stop early (``| head``): end quietly then, as other commands do.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    sys.exit(main())
