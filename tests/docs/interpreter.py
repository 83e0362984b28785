"""The Python of a page: runs one block after another in one namespace, as a notebook does.

In: on standard input, a line of JSON for each block. Out: on standard output, a line of JSON with what it printed.
On the other side: `tests.docs.session`. Started as a program, so that functions of a page belong to ``__main__``.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import traceback
import types
from typing import Any


def main() -> None:
    """Answer until the input ends."""
    sys.path[0] = ""  # modules are looked for in the folder that the page works in
    answers = os.fdopen(os.dup(1), "w")
    # As in a notebook, the module __main__ is the page's.
    sys.modules["__main__"] = types.ModuleType("__main__")
    namespace = vars(sys.modules["__main__"])
    for request in sys.stdin:
        block = json.loads(request)
        with tempfile.TemporaryFile() as printed:
            os.dup2(printed.fileno(), 1)
            os.dup2(printed.fileno(), 2)
            raised = run(block, namespace)
            sys.stdout.flush()
            sys.stderr.flush()
            printed.seek(0)
            text = printed.read().decode()
        answers.write(json.dumps({"printed": text, "raised": raised}) + "\n")
        answers.flush()


def run(block: dict[str, Any], namespace: dict[str, Any]) -> bool:
    """Run a block; whether it raised."""
    try:
        exec(compile("\n" * (block["line"] - 1) + block["text"], block["name"], "exec"), namespace)  # noqa: S102
    except Exception:  # noqa: BLE001 - shown
        traceback.print_exc()
        return True
    return False


if __name__ == "__main__":
    main()
