"""What the keeper does after a worker that ended too early.

In: where the worker was, and how it ended. Out: a record for the component that ended it, or RunnerFailure if none can
be written. On the other side: the next worker, which must get further than the last one.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from . import describe_exception, records
from .capture import Streams, read_streams, remove_streams
from .checkpoints import Checkpoints
from .errors import ComponentDied, ComponentFailure, ProgramDidNotEnd, RecordNotWritten, RunnerFailure
from .outputs_file import Outputs
from .usage import Usage, max_rss_kb
from .user_files import UserFiles

if TYPE_CHECKING:
    from .progress import Ended, Position
    from .task import Task


def settle(task: Task, position: Position, ended: Ended) -> None:
    """Leave the outputs file in such a state that the next worker gets further than this one.

    Raises
    ------
    RunnerFailure
        Nothing can be written.
    """
    outputs = Outputs(task)
    unfinished = outputs.unfinished()
    if not unfinished:
        # It could not even finish the file. Nor can we, most likely; then this raises.
        outputs.finish()
        return
    component = position.component
    if component is None:
        component = unfinished[0]  # it did not get that far, and neither would the next
    if component in unfinished:
        _record_death(task, outputs, component, position, ended)
    # Else something that the last component had left behind (a thread, a timer) ended the worker: no other is to blame.
    outputs.close()


def _record_death(task: Task, outputs: Outputs, component: int, position: Position, ended: Ended) -> None:
    failure: ComponentFailure
    if position.write_errno:
        failure = RecordNotWritten(component, position.write_errno)
    elif position.returned_at:
        took_too_long = ended.exit_code == 1 and time.monotonic() - position.returned_at >= task.end_within_s
        failure = ProgramDidNotEnd(component, ended.exit_code, task.end_within_s, took_too_long=took_too_long)
    else:
        failure = ComponentDied(component, ended.exit_code)
    # Little may fit where much did not.
    for streams in (read_streams(task.scratch, component), Streams()):
        record = records.compose(
            component,
            _usage(position, ended),
            streams,
            UserFiles(task.scratch, component).output_files(),
            failure=describe_exception.describe(failure),
            scratch=task.scratch,
        )
        try:
            outputs.append(record)
        except OSError:
            continue
        remove_streams(task.scratch, component)
        Checkpoints(task.scratch, component).clear_scratch(task.sent)
        return
    raise RunnerFailure(f"{failure} Not even a record of this could be written. {failure.hint}")


def _usage(position: Position, ended: Ended) -> Usage:
    now = time.time()
    started = position.started or now
    return Usage(
        started=started,
        wall_s=now - started,
        user_cpu_s=ended.usage.ru_utime - position.user_cpu_s,
        system_cpu_s=ended.usage.ru_stime - position.system_cpu_s,
        peak_memory_kb=max_rss_kb(ended.usage),
    )
