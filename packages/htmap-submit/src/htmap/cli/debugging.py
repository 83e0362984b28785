"""``htmap debug``: run one component here, in this terminal, with a debugger if it is wanted."""

from __future__ import annotations

import contextlib
import os
import pdb  # noqa: T100 - what --pdb is for
import sys
import tempfile
import traceback
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

import click

from htmap.cli.console import heading, note
from htmap.cli.exits import Exit
from htmap.cli.selection import selects_one_map
from htmap.maps.acting import Map
from htmap.maps.rehearsal import Rehearsal, rehearse
from htmap.show.table import shortened
from htmap_common.agreed import COMPONENT

_LONGEST_REPR = 2000


@click.command("debug")
@selects_one_map
@click.argument("component", type=int)
@click.option("--pdb", "wants_pdb", is_flag=True, help="When it raises, look around with Python's debugger.")
@click.option("--here", is_flag=True, help="Run in the current directory, not in an empty temporary one.")
def debug_command(each: Map, component: int, wants_pdb: bool, here: bool) -> Exit:
    """Run one component in this terminal, from its stored input, as if it were called by hand.

    The function gets the local files themselves for its TransferPaths. It runs in an empty directory in which there are
    links to the files that the map's options send along. Nothing of the map changes; checkpoint() and
    transfer_output_files() do nothing. breakpoint() works. The exit code is 0 if it returns, and 4 if it raises.
    """
    # A function that is not pickled by value is imported, most often from where its map was made.
    sys.path.insert(0, str(Path.cwd()))
    prepared = rehearse(each.opened, component)
    for path in prepared.remote:
        note(f"{path} is not fetched: the function gets it as a TransferPath.")
    os.environ[COMPONENT] = str(range(len(each))[component])
    note(heading(f"Running component {component} of {each.tag} here"))
    with contextlib.nullcontext() if here else _scratch(prepared):
        return _call(prepared, wants_pdb=wants_pdb)


@contextlib.contextmanager
def _scratch(prepared: Rehearsal) -> Iterator[None]:
    before = Path.cwd()
    with tempfile.TemporaryDirectory(prefix="htmap-debug-") as folder:
        for name, path in prepared.files.items():
            Path(folder, name).symlink_to(path)
        os.chdir(folder)
        # As on the node: modules that were sent along are found first.
        sys.path.insert(0, folder)
        try:
            yield
        finally:
            sys.path.remove(folder)
            os.chdir(before)


def _call(prepared: Rehearsal, *, wants_pdb: bool) -> Exit:
    try:
        result = prepared.function(*prepared.args, **prepared.kwargs)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 - sys.exit() too is how a function may end
        own = _without_our_frames(error.__traceback__)
        sys.stdout.flush()
        traceback.print_exception(type(error), error, own)
        if wants_pdb and own is not None:
            pdb.post_mortem(own)
        return Exit.ERRORED
    note(heading("It returned"))
    click.echo(shortened(repr(result), _LONGEST_REPR))
    return Exit.DONE


def _without_our_frames(trace: TracebackType | None) -> TracebackType | None:
    """The traceback from the user's function on."""
    return trace.tb_next if trace is not None else None
