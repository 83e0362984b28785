"""Render the submit description of one submission: options + delivery -> text. Pure: no I/O.

In: checked options, the descriptors of the delivery method. Out: the text of ``submit``, which any backend takes, and
``condor_submit`` by hand. What differs from job to job are variables in it, whose values `htmap.create.jobs` writes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from htmap.create.remaps import remap_entries
from htmap.delivery.runner_failures import RUNNER_FAILED, why_runner_failed
from htmap.exceptions import InvalidOption
from htmap.language.commands import COMPONENT, UID
from htmap.language.description import Description
from htmap.language.macros import macro
from htmap.language.remaps import join
from htmap.language.words import FALSE, join_arguments, join_list
from htmap.option_values import PerComponent
from htmap.options import MapOptions, all_required
from htmap.store.mapdir import MapDir
from htmap_common.agreed import CHECKPOINT, CHECKPOINTED, OUTPUTS, SOME_RAISED, TRANSFER


@dataclass(frozen=True, slots=True)
class Plan:
    """What one submission is to be."""

    tag: str
    function_name: str
    chunksize: int
    options: MapOptions
    fixed_files: Mapping[str, Sequence[str]]  # of the options: entries, and the names that arrive by each
    delivery: Mapping[str, str]
    max_idle: int  # for late materialization
    threshold: int  # jobs above which it is used


@dataclass(frozen=True, slots=True)
class Columns:
    """The variables that differ from job to job, and how to compute them."""

    names: tuple[str, ...]
    varying: tuple[PerComponent, ...]


_VARYING = "option_"
_NUMBER = "htmap_submission"


def columns(plan: Plan) -> Columns:
    """The variables of the ``queue`` statement."""
    varying = tuple(plan.options.per_component())
    names = [_variable(option.name) for option in varying]
    if plan.chunksize > 1:
        for option in varying:
            if option is not plan.options.output_remaps:
                raise InvalidOption(
                    f"The map option {option.name} varies from component to component, "
                    "but components that share a job share its options. Use chunksize=1, or one value for all."
                )
        # Spelled out for each component of a job, so they differ from job to job even if they are fixed.
        names = [_variable("output_remaps")] if plan.options.output_remaps else []
    chunked = ("components", "shards") if plan.chunksize > 1 else ()
    # The last value of an item may hold commas and blanks.
    return Columns(("component", *chunked, "inputs", "folder", *names, "files"), varying)


def _variable(name: str) -> str:
    return f"{_VARYING}{name.replace('.', '_')}"


def render(plan: Plan, map_dir: MapDir, jobs: int) -> str:
    """The text of the submit description."""
    lines = {_NUMBER: "0"} | {name: value for name, value in _descriptors(plan, map_dir, jobs).items() if value != ""}
    return Description.of(
        lines,
        comment=f'HTMap: map "{plan.tag}", function {plan.function_name}',
        variables=columns(plan).names,
        items=str(map_dir.submission(0).items),
    ).render()


def renumbered(first: Description, map_dir: MapDir, number: int) -> Description:
    """The description of the first submission, made that of a later one."""
    return replace(
        first, commands={**first.commands, _NUMBER: str(number)}, items=str(map_dir.submission(number).items)
    )


def relocated(description: Description, then: Path, now: Path, uid: str | None) -> Description:
    """A description that was made for another HTMAP_DIR, made one for that of today.

    Parameters
    ----------
    uid
        What the jobs carry from now on; None: what they did.
    """
    old = re.compile(rf"(?<![\w.~/)-]){re.escape(str(then))}(?=[/,;\"\s]|$)")

    def moved(values: Mapping[str, str]) -> dict[str, str]:
        return {name: old.sub(lambda _: str(now), value) for name, value in values.items()}

    attributes = moved(description.attributes) | ({} if uid is None else {UID: f'"{uid}"'})
    return replace(description, commands=moved(description.commands), attributes=attributes)


def varying_options(description: Description) -> int:
    """How many options vary in a description."""
    return sum(name.startswith(_VARYING) for name in description.variables)


def _descriptors(plan: Plan, map_dir: MapDir, jobs: int) -> dict[str, str]:
    """All descriptors: HTMap's own, then the delivery's, then the user's, later ones winning but for lists."""
    which, shards = ("$(components)", "$(shards)") if plan.chunksize > 1 else ("$(component)", "$(inputs)")
    submission = f"{map_dir.path}/submissions/$(htmap_submission)"
    descriptors = {
        "runner_arguments": f"run --function function --components {which} --inputs {shards} --outputs {OUTPUTS}",
        "arguments": join_arguments((), then=macro("runner_arguments")),
        "universe": "vanilla",
        # See htmap.create.transfers: what HTMap itself reads and writes is named by absolute paths.
        "initialdir": "/",
        "preserve_relative_paths": "true",
        "should_transfer_files": "YES",
        "when_to_transfer_output": "ON_EXIT_OR_EVICT",
        "transfer_input_files": f"{map_dir.home.initial}/,{map_dir.function},{map_dir.path}/$(inputs)$(files)",
        "transfer_output_files": join_list([OUTPUTS, TRANSFER, CHECKPOINT]),
        "transfer_output_remaps": _remaps(plan, map_dir, submission),
        "output": f"{submission}/logs/$(folder)/$(ProcId)",
        "error": f"{submission}/logs/$(folder)/$(ProcId)",
        "log": str(map_dir.events),
        "submit_event_user_notes": "htmap submission $(htmap_submission)",
        "batch_name": plan.tag,
        "on_exit_hold": RUNNER_FAILED,
        "on_exit_hold_reason": why_runner_failed(),
    }
    if plan.options.fresh_process:
        descriptors["runner_arguments"] += " --fresh-process"
    if plan.options.show_locals is False:
        descriptors["runner_arguments"] += " --no-locals"
    if plan.options.end_within is not None:
        descriptors["runner_arguments"] += f" --end-within {plan.options.end_within:.15g}"
    if plan.options.checkpoint_interval is not None:
        descriptors["runner_arguments"] += f" --checkpoint-every {plan.options.checkpoint_interval:.15g}"
        descriptors["checkpoint_exit_code"] = str(CHECKPOINTED)
        # They go to the spool of the schedd, whatever the remaps say, and from there into the next scratch directory.
        descriptors["transfer_checkpoint_files"] = descriptors["transfer_output_files"]
    user = {name: _rendered(value) for name, value in plan.options.descriptors.items()}
    if jobs > plan.threshold and not {"max_idle", "max_materialize"} & user.keys():
        descriptors["max_idle"] = str(plan.max_idle)
    delivery = {name if "." in name else name.casefold(): str(value) for name, value in plan.delivery.items()}
    descriptors |= {name: value for name, value in delivery.items() if name != "transfer_input_files"}
    descriptors |= user | _holds(descriptors["on_exit_hold"], descriptors["on_exit_hold_reason"], user)
    _join_requirements(descriptors, plan)
    _join_input_files(descriptors, plan)
    for name, value in plan.options.custom_options.items():
        descriptors[f"MY.{name}"] = _rendered(value)
    descriptors |= {"MY.IsHTMapJob": "True", f"MY.{UID}": f'"{map_dir.uid}"', f"MY.{COMPONENT}": macro("component")}
    return descriptors


def _holds(own: str, own_reason: str, user: Mapping[str, str]) -> dict[str, str]:
    """When a job is held that has ended: for HTMap's own reasons, and for the user's, which never take their place.

    A component that raised has ended well as far as the job goes: it is ERRORED, with its exception, not held.
    """
    policies = {"on_exit_hold": own, "on_exit_hold_reason": own_reason, "on_exit_hold_subcode": ""}
    if "on_exit_hold" not in user:
        return policies
    if user["on_exit_hold"].strip().casefold() in FALSE:
        return {}  # whoever says so wants jobs to leave the queue, however they end
    reason = user.get("on_exit_hold_reason", '"The option on_exit_hold of the map came true."')
    subcode = user.get("on_exit_hold_subcode", "0")
    return {
        "on_exit_hold": f"({own}) || (({user['on_exit_hold']}) && ExitCode =!= {SOME_RAISED})",
        "on_exit_hold_reason": f"ifThenElse({own}, {own_reason}, {reason})",
        "on_exit_hold_subcode": f"ifThenElse({own}, 0, {subcode})",
    }


def _remaps(plan: Plan, map_dir: MapDir, submission: str) -> str:
    """Where it goes on the submit side. A directory is merged with the one that is there."""
    user = plan.options.output_remaps or {}
    if isinstance(user, PerComponent) or (user and plan.chunksize > 1):
        elsewhere = _macro("output_remaps")
    else:
        elsewhere = remap_entries(user, "$(component)")
    places = {
        OUTPUTS: f"{submission}/outputs/$(folder)/$(ProcId)",
        TRANSFER: str(map_dir.all_output_files),
        CHECKPOINT: str(map_dir.checkpoints),
    }
    return join(places, elsewhere)


def _rendered(value: str | PerComponent) -> str:
    return _macro(value.name) if isinstance(value, PerComponent) else value


def _macro(option: str) -> str:
    return macro(_variable(option))


def _join_requirements(descriptors: dict[str, str], plan: Plan) -> None:
    user = plan.options.descriptors.get("requirements")
    delivery = {name.casefold(): value for name, value in plan.delivery.items()}
    joined = all_required(delivery.get("requirements"), None if user is None else _rendered(user))
    if joined is not None:
        descriptors["requirements"] = str(joined)


def _join_input_files(descriptors: dict[str, str], plan: Plan) -> None:
    parts = [descriptors["transfer_input_files"]]
    parts += [value for name, value in plan.delivery.items() if name.casefold() == "transfer_input_files"]
    parts += plan.fixed_files
    if plan.options.input_files is not None:
        parts.append(_rendered(plan.options.input_files))
    descriptors["transfer_input_files"] = join_list(parts)
