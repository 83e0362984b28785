from __future__ import annotations

from pathlib import Path
from typing import Any

import htcondor2
import pytest

from htmap.backend.local.eventlog import Exit, JobEvents, Resources, Usage

WHEN = 1_700_000_000
USAGE = Usage(user_s=90_061.9, system_s=2, sent_bytes=1_234_567_890, received_bytes=5)
RESOURCES = Resources(0.97, 1, 123_456_789, 1024, 300, 512)
EVENTS = JobEvents(12, 3456, WHEN)


def read_back(text: str, folder: Path) -> Any:
    """What HTCondor's own reader makes of an event."""
    path = folder / "events"
    path.write_text(text)
    (event,) = htcondor2.JobEventLog(str(path)).events(stop_after=0)
    assert (event.cluster, event.proc, event.timestamp) == (12, 3456, WHEN)
    return event


def test_submitted(tmp_path: Path) -> None:
    event = read_back(EVENTS.submitted("htmap submission 0"), tmp_path)
    assert event.type == htcondor2.JobEventType.SUBMIT
    assert event["LogNotes"] == "htmap submission 0"  # so HTCondor reads notes of ours back if there are no others
    assert event["SubmitHost"].startswith("<127.0.0.1")


def test_executing(tmp_path: Path) -> None:
    event = read_back(EVENTS.executing(2, "/scratch/12.3456", RESOURCES), tmp_path)
    assert event.type == htcondor2.JobEventType.EXECUTE
    assert event["SlotName"].startswith("slot2@")
    assert event["ExecuteProps"]["CondorScratchDir"] == "/scratch/12.3456"
    assert event["ExecuteProps"]["Memory"] == 512


@pytest.mark.parametrize("resources", [None, RESOURCES])
def test_evicted(tmp_path: Path, resources: Resources | None) -> None:
    event = read_back(EVENTS.evicted(USAGE, resources, reason="no room"), tmp_path)
    assert event.type == htcondor2.JobEventType.JOB_EVICTED
    assert (event["TerminatedAndRequeued"], event["Checkpointed"]) == (False, False)
    assert event["SentBytes"] == 1_234_567_890
    assert event["RunRemoteUsage"] == "Usr 1 01:01:01, Sys 0 00:00:02"


@pytest.mark.parametrize("how", [Exit(code=3), Exit(signal=9)])
def test_requeued(tmp_path: Path, how: Exit) -> None:
    event = read_back(EVENTS.requeued(how, USAGE, "try again"), tmp_path)
    assert event["TerminatedAndRequeued"] is True
    assert event["Reason"] == "try again"
    assert event["TerminatedNormally"] == (how.code is not None)


@pytest.mark.parametrize(
    ("how", "key", "number"), [(Exit(code=100), "ReturnValue", 100), (Exit(signal=11), "TerminatedBySignal", 11)]
)
def test_terminated(tmp_path: Path, how: Exit, key: str, number: int) -> None:
    event = read_back(EVENTS.terminated(how, USAGE, USAGE + USAGE, RESOURCES), tmp_path)
    assert event.type == htcondor2.JobEventType.JOB_TERMINATED
    assert event[key] == number
    assert event["TotalRemoteUsage"] == "Usr 2 02:02:03, Sys 0 00:00:04"
    assert event["TotalReceivedBytes"] == 10
    table = {name: event[name] for name in ("CpusUsage", "RequestCpus", "Cpus")}
    assert table == {"CpusUsage": 0.97, "RequestCpus": 1, "Cpus": 1}
    assert (event["DiskUsage"], event["RequestDisk"], event["Disk"]) == (123_456_789, 1024, 1024)
    assert (event["MemoryUsage"], event["RequestMemory"], event["Memory"]) == (300, 512, 512)


def test_image_size(tmp_path: Path) -> None:
    event = read_back(EVENTS.image_size(5000, 4097), tmp_path)
    assert event.type == htcondor2.JobEventType.IMAGE_SIZE
    assert (event["Size"], event["MemoryUsage"], event["ResidentSetSize"]) == (5000, 5, 4097)


@pytest.mark.parametrize("reason", ["", "enough of it"])
def test_aborted(tmp_path: Path, reason: str) -> None:
    event = read_back(EVENTS.aborted(reason), tmp_path)
    assert event.type == htcondor2.JobEventType.JOB_ABORTED
    assert event.get("Reason", "") == reason


def test_suspended_and_unsuspended(tmp_path: Path) -> None:
    event = read_back(EVENTS.suspended(3), tmp_path)
    assert event.type == htcondor2.JobEventType.JOB_SUSPENDED
    assert event["NumberOfPIDs"] == 3
    assert read_back(EVENTS.unsuspended(), tmp_path).type == htcondor2.JobEventType.JOB_UNSUSPENDED


@pytest.mark.parametrize(("reason", "read"), [("", ""), ("one\ntwo\x07\n...\n", "one|two |...|")])
def test_held(tmp_path: Path, reason: str, read: str) -> None:
    event = read_back(EVENTS.held(reason, 12, 2), tmp_path)
    assert event.type == htcondor2.JobEventType.JOB_HELD
    assert (event.get("HoldReason", ""), event["HoldReasonCode"], event["HoldReasonSubCode"]) == (read, 12, 2)


def test_released(tmp_path: Path) -> None:
    event = read_back(EVENTS.released("go on"), tmp_path)
    assert event.type == htcondor2.JobEventType.JOB_RELEASED
    assert event["Reason"] == "go on"


def test_events_follow_one_another(tmp_path: Path) -> None:
    path = tmp_path / "events"
    path.write_text(
        EVENTS.submitted("")
        + EVENTS.executing(1, "/s", RESOURCES)
        + EVENTS.terminated(Exit(code=0), USAGE, USAGE, RESOURCES)
        + EVENTS.held("", 1, 0)
    )
    kinds = [event.type for event in htcondor2.JobEventLog(str(path)).events(stop_after=0)]
    types = htcondor2.JobEventType
    assert kinds == [types.SUBMIT, types.EXECUTE, types.JOB_TERMINATED, types.JOB_HELD]
