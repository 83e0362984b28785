"""What a row of the table of submit commands says. Values only."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Kind(enum.Enum):
    """What a value is."""

    TEXT = "text"
    NUMBER = "a whole number"
    YES_NO = "true or false"
    MEMORY = "an amount of memory; a bare number is MB"
    DISK = "an amount of disk; a bare number is KB"
    SECONDS = "a number of seconds"
    CONDITION = "a ClassAd expression that is true or false"
    EXPRESSION = "a ClassAd expression"
    LIST = "names, separated by commas"
    PATH = "a path on the submit side"
    ARGUMENTS = "words, in the double quotes of the new syntax"
    ENVIRONMENT = "name=value pairs, in the double quotes of the new syntax"
    REMAPS = "name = place pairs, separated by semicolons, in double quotes"


class Local(enum.Enum):
    """What the local backend does with a command."""

    HONOURS = "honours"
    LETS_ASIDE = "lets aside"  # it means something to a pool only
    REFUSES = "refuses"


@dataclass(frozen=True, slots=True)
class Command:
    """A submit command.

    Parameters
    ----------
    name
        As HTMap writes it.
    meaning
        One line.
    aliases
        Other names that condor_submit takes for it, casefolded.
    attribute
        Of the job, where the command sets one of that name and nothing else.
    reserved
        Why users cannot set it; nothing: they can.
    is_in_every_map
        HTMap sets it, and joins or replaces it with what the user says.
    since
        The first version of HTCondor that knows it; nothing: older than what HTMap supports.
    """

    name: str
    kind: Kind
    local: Local
    meaning: str
    aliases: tuple[str, ...] = ()
    attribute: str = ""
    reserved: str = ""
    is_in_every_map: bool = False
    since: str = ""
