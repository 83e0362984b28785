"""``htmap version``, ``htmap transplants``, ``htmap completion``."""

from __future__ import annotations

import os
from pathlib import Path

import click
from click.shell_completion import get_completion_class

from htmap.cli.console import say_json
from htmap.delivery.transplants import transplant_info, transplants
from htmap.versions import version


@click.command("version")
def version_command() -> None:
    """Print the version of HTMap."""
    click.echo(version())


@click.group("transplants", invoke_without_command=True)
@click.option("--json", "wants_json", is_flag=True, help="As a JSON list: sizes in bytes, times in seconds since 1970.")
@click.pass_context
def transplants_command(context: click.Context, wants_json: bool) -> None:
    """List the Python installs that the delivery method transplant has packed to be sent along with jobs."""
    if context.invoked_subcommand is not None:
        return
    if not wants_json:
        click.echo(transplant_info())
        return
    say_json(
        [
            {
                "hash": each.hash,
                "path": str(each.path),
                "created": each.created.timestamp(),
                "size": each.size,
                "packages": list(each.packages),
            }
            for each in transplants()
        ]
    )


@transplants_command.command("info")
def info_command() -> None:
    """List them: the same as `htmap transplants`."""
    click.echo(transplant_info())


@transplants_command.command("remove")
@click.argument("which", metavar="HASH")
def remove_command(which: str) -> None:
    """Delete one. HASH is what the list shows of it, or its place in the list, from 0 on.

    Jobs that have not started yet need it: remove it when the maps that use it have ended.
    """
    found = transplants()
    chosen = [each for each in found if each.hash.startswith(which)]
    if which.isdecimal() and int(which) < len(found):
        chosen = [found[int(which)]]
    if len(chosen) != 1:
        raise click.UsageError(
            f"{which!r} names {len(chosen)} of {len(found)} transplant installs. They are:\n{transplant_info()}"
        )
    chosen[0].remove()
    click.echo(f"Removed {chosen[0].path}")


_SHELLS = ("bash", "zsh", "fish")


@click.command("completion")
@click.argument("shell", type=click.Choice(_SHELLS), required=False)
@click.pass_context
def completion_command(context: click.Context, shell: str | None) -> None:
    """Print what makes a shell complete commands, options and tags: this one, if SHELL is not given.

    \b
      bash   eval "$(htmap completion bash)"       in ~/.bashrc
      zsh    eval "$(htmap completion zsh)"        in ~/.zshrc
      fish   htmap completion fish | source        in ~/.config/fish/config.fish
    """  # noqa: D301 - \b is click's mark for text that is not to be wrapped
    shell = shell or Path(os.environ.get("SHELL", "")).name
    completion = get_completion_class(shell)
    if completion is None or shell not in _SHELLS:
        raise click.UsageError(f"Which shell? One of {', '.join(_SHELLS)}.")
    click.echo(completion(context.find_root().command, {}, "htmap", "_HTMAP_COMPLETE").source())
