"""``htmap doctor``: find out what is wrong, and what to do about it."""

from __future__ import annotations

import textwrap

import click

from htmap.cli.checks import Finding, Grade, all_findings
from htmap.cli.console import say_json
from htmap.cli.exits import Exit
from htmap.management import terminal_width
from htmap.settings import settings

_COLORS = {Grade.GOOD: "green", Grade.NOTE: "yellow", Grade.BAD: "red"}


@click.command("doctor")
@click.option("--json", "wants_json", is_flag=True, help="As JSON.")
def doctor_command(wants_json: bool) -> Exit:
    """Look at versions, settings, the disk and the pool, and say what is wrong and what to do.

    Each finding is ok, a note, or a problem, and says what to do. The exit code is 1 if there is a problem.
    """
    findings = []
    for finding in all_findings(settings):
        findings.append(finding)
        if not wants_json:
            _say(finding)
    problems = sum(finding.grade is Grade.BAD for finding in findings)
    if wants_json:
        say_json(
            [
                {"grade": each.grade.value, "subject": each.subject, "text": each.text, "advice": each.advice}
                for each in findings
            ]
        )
    else:
        click.echo(f"\n{problems} problem{'' if problems == 1 else 's'} found." if problems else "\nAll is well.")
    return Exit.FAILED if problems else Exit.DONE


def _say(finding: Finding) -> None:
    mark = click.style(f"{finding.grade.value:<8}", fg=_COLORS[finding.grade])
    width = terminal_width() or 100
    indent = " " * 24
    text = textwrap.wrap(finding.text, max(40, width - 24), break_long_words=False, break_on_hyphens=False) or [""]
    click.echo(f"{mark}{finding.subject:<16}{text[0]}")
    for line in text[1:]:
        click.echo(indent + line)
    for line in textwrap.wrap(f"-> {finding.advice}", max(40, width - 24)) if finding.advice else ():
        click.echo(indent + line)
