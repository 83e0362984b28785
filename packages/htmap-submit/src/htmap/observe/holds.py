"""Holds: a job is in the queue and may not run until somebody releases it.

In: code, subcode and reason of a hold, as the event log or the queue says them. Out: `ComponentHold`, and what may be
done. The page ``docs/reference/hold-codes.md`` is made from the table here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import NamedTuple

from htmap.backend.protocol import HoldCode


@dataclass(frozen=True)
class ComponentHold:
    """Represents an HTCondor hold on a map component.

    Parameters
    ----------
    code
        The HTCondor HoldReasonCode.
    reason
        The HTCondor hold reason.
    subcode
        The HTCondor HoldReasonSubCode: what it means depends on the code; often a number of the operating system.
    """

    code: int
    reason: str
    subcode: int = field(default=0, kw_only=True)

    def __str__(self) -> str:
        return f"[{self.code}] {self.reason}"


class Advice(NamedTuple):
    """What may be done about a code, and where a subcode says more, about that."""

    advice: str
    by_subcode: Mapping[int, str] = MappingProxyType({})


_RELEASE = "then map.release()"
_ADMINISTRATOR = "It is nothing that you can mend: tell the administrators of the access point, with the reason."
_TOO_NEW = "ask the administrators of the pool, with the reason"
_OF_GRID = "HTMap makes no such jobs: see the reason, and the option universe or grid_resource of yours."

# Source: the table of hold reason codes in HTCondor's manual.
ADVICE: Mapping[int, Advice] = {
    HoldCode.USER_REQUEST: Advice(
        "Somebody held it by hand (condor_hold, map.hold()): map.release() when it may go on."
    ),
    HoldCode.GLOBUS_GRAM_ERROR: Advice(_OF_GRID),
    HoldCode.JOB_POLICY: Advice(
        "An expression of the job came true: periodic_hold or on_exit_hold of yours, or HTMap's own, which holds what "
        "the runner could not run. See the reason; if it speaks of the runner, also map.stderr of the component.",
    ),
    HoldCode.CORRUPTED_CREDENTIAL: Advice(
        f"Your credentials (a proxy, a token, Kerberos) have expired or cannot be read: renew them, {_RELEASE}.",
    ),
    HoldCode.JOB_POLICY_UNDEFINED: Advice(
        "An expression of yours (periodic_hold, on_exit_hold, ...) has no value: it uses an attribute that the job "
        "lacks. Correct the option, and make the map again.",
    ),
    HoldCode.FAILED_TO_CREATE_PROCESS: Advice(
        "The executable could not be started on the node: is it there, and for that architecture? With the delivery "
        "assume or shared the node must have the Python that is named; bundle and the container deliveries bring more.",
    ),
    HoldCode.UNABLE_TO_OPEN_OUTPUT: Advice(
        f"What the job prints cannot be written below HTMAP_DIR: mend that, {_RELEASE}."
    ),
    HoldCode.UNABLE_TO_OPEN_INPUT: Advice(f"The file of the option input cannot be read: mend that, {_RELEASE}."),
    HoldCode.UNABLE_TO_OPEN_OUTPUT_STREAM: Advice(f"As 7, while the output was streamed: mend that, {_RELEASE}."),
    HoldCode.UNABLE_TO_OPEN_INPUT_STREAM: Advice(f"As 8, while the input was streamed: mend that, {_RELEASE}."),
    HoldCode.INVALID_TRANSFER_ACK: Advice(
        "The two sides of a transfer misunderstood each other: map.release() tries again."
    ),
    HoldCode.TRANSFER_OUTPUT_ERROR: Advice(
        "Output files could not be sent back: did the function make all that it promised, and is there space where "
        f"they go (HTMAP_DIR, output_remaps)? Mend that, {_RELEASE}.",
        {
            2: "A file that should come back is not there: did the function make it, under that name?",
            13: f"You may not write where the files go (HTMAP_DIR, output_remaps): change that, {_RELEASE}.",
            28: f"The disk where the files go is full (HTMAP_DIR, output_remaps): free some space, {_RELEASE}.",
            62: "A program that transfers files (a plugin) took too long: map.release() tries again.",
            122: f"Your disk quota is used up where the files go: free some space, {_RELEASE}.",
        },
    ),
    HoldCode.TRANSFER_INPUT_ERROR: Advice(
        f"Input files could not be sent: are they still there, and can you read them? Mend that, {_RELEASE}.",
        {
            2: f"An input file is not there any more: put it back, {_RELEASE}.",
            13: f"An input file cannot be read: change its permissions, {_RELEASE}.",
            28: "The disk of the node is full: map.set_disk(KB) to what the files need, then map.release().",
            62: "A program that transfers files (a plugin) took too long: map.release() tries again.",
        },
    ),
    HoldCode.IWD_ERROR: Advice(f"The initial directory cannot be entered: see the option initialdir, {_RELEASE}."),
    HoldCode.SUBMITTED_ON_HOLD: Advice("It was submitted on hold, by the option hold: map.release() when it may run."),
    HoldCode.SPOOLING_INPUT: Advice("Its input files are being sent to the access point: wait."),
    HoldCode.JOB_SHADOW_MISMATCH: Advice(_ADMINISTRATOR),
    HoldCode.INVALID_TRANSFER_GO_AHEAD: Advice("The transfer of files was not let begin: map.release() tries again."),
    HoldCode.HOOK_PREPARE_JOB_FAILURE: Advice(
        f"A program of the execute node that prepares jobs refused it: {_TOO_NEW}."
    ),
    HoldCode.MISSED_DEFERRED_EXECUTION_TIME: Advice(
        "The time of the option deferral_time was missed: make the map again."
    ),
    HoldCode.STARTD_HELD_JOB: Advice(
        "The policy of the machine it ran on (WANT_HOLD) held it, often for using more than it requested: see the "
        "reason; map.set_memory(MB) or map.set_disk(KB) if it names one of them, then map.release().",
    ),
    HoldCode.UNABLE_TO_INIT_USER_LOG: Advice(
        f"The event log cannot be written: see to HTMAP_DIR and its disk, {_RELEASE}."
    ),
    HoldCode.FAILED_TO_ACCESS_USER_ACCOUNT: Advice(_ADMINISTRATOR),
    HoldCode.NO_COMPATIBLE_SHADOW: Advice(_ADMINISTRATOR),
    HoldCode.INVALID_CRON_SETTINGS: Advice(
        "One of the options cron_* makes no sense: correct it, and make the map again."
    ),
    HoldCode.SYSTEM_POLICY: Advice(
        "The policy of the access point (SYSTEM_PERIODIC_HOLD) held it: see the reason, which often names what to "
        "change; ask its administrators else.",
    ),
    HoldCode.SYSTEM_POLICY_UNDEFINED: Advice(_ADMINISTRATOR),
    HoldCode.GLEXEC_CHOWN_SANDBOX_TO_USER: Advice(_ADMINISTRATOR),
    HoldCode.PRIVSEP_CHOWN_SANDBOX_TO_USER: Advice(_ADMINISTRATOR),
    HoldCode.GLEXEC_CHOWN_SANDBOX_TO_CONDOR: Advice(_ADMINISTRATOR),
    HoldCode.PRIVSEP_CHOWN_SANDBOX_TO_CONDOR: Advice(_ADMINISTRATOR),
    HoldCode.MAX_TRANSFER_INPUT_SIZE_EXCEEDED: Advice(
        "The input files are larger than the limit, of the pool or of the option max_transfer_input_mb: send large "
        "files by URL (TransferPath with a protocol), or fewer of them.",
    ),
    HoldCode.MAX_TRANSFER_OUTPUT_SIZE_EXCEEDED: Advice(
        "The output files are larger than the limit, of the pool or of the option max_transfer_output_mb: send less "
        "back, or to a URL (output_remaps).",
    ),
    HoldCode.JOB_OUT_OF_RESOURCES: Advice(
        "It used more than it requested: map.set_memory(MB), or map.set_disk(KB) if the reason speaks of disk, then "
        "map.release().",
        {
            102: "It used more memory than it requested: map.set_memory(MB), then map.release().",
            104: "It used more disk than it requested: map.set_disk(KB), then map.release().",
        },
    ),
    HoldCode.INVALID_DOCKER_IMAGE: Advice(
        "The container image could not be had, or not be started: check its name (the settings DOCKER.IMAGE and "
        "SINGULARITY.IMAGE, the options of the map); make the map again with the right one.",
    ),
    HoldCode.FAILED_TO_CHECKPOINT: Advice(
        "It did not end in order when it was told to checkpoint: see map.stderr of the component."
    ),
    HoldCode.EC2_USER_ERROR: Advice(_OF_GRID),
    HoldCode.EC2_INTERNAL_ERROR: Advice(_OF_GRID),
    HoldCode.EC2_ADMIN_ERROR: Advice(_OF_GRID),
    HoldCode.EC2_CONNECTION_PROBLEM: Advice(_OF_GRID),
    HoldCode.EC2_SERVER_ERROR: Advice(_OF_GRID),
    HoldCode.EC2_INSTANCE_POTENTIALLY_LOST_ERROR: Advice(_OF_GRID),
    HoldCode.PRE_SCRIPT_FAILED: Advice("The program of the option +PreCmd failed: see the reason."),
    HoldCode.POST_SCRIPT_FAILED: Advice("The program of the option +PostCmd failed: see the reason."),
    HoldCode.SINGULARITY_TEST_FAILED: Advice(
        "Singularity does not work on that node: map.release() tries another one; requirements can keep away from it.",
    ),
    HoldCode.JOB_DURATION_EXCEEDED: Advice(
        "The job took longer than the option allowed_job_duration: allow more, or put less into a component "
        "(MapOptions(chunksize=...) for several of them); make the map again.",
    ),
    HoldCode.JOB_EXECUTE_EXCEEDED: Advice(
        "The job ran longer than the option allowed_execute_duration: allow more, or put less into a component; make "
        "the map again.",
    ),
    HoldCode.HOOK_SHADOW_PREPARE_JOB_FAILURE: Advice(
        f"A program of the access point that prepares jobs refused it: {_TOO_NEW}."
    ),
    HoldCode.CANNOT_SWITCH_PRIMARY_GROUP: Advice(_ADMINISTRATOR),
}


def advice_on(hold: ComponentHold) -> str:
    """What may be done about a hold; empty if nothing is known beyond its reason."""
    known = ADVICE.get(hold.code)
    return "" if known is None else known.by_subcode.get(hold.subcode, known.advice)
