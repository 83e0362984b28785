"""``htmap version``, ``htmap completion``."""

from __future__ import annotations

import os
from pathlib import Path

import click
from click.shell_completion import get_completion_class

from htmap.versions import version


@click.command("version")
def version_command() -> None:
    """Print the version of HTMap."""
    click.echo(version())


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
