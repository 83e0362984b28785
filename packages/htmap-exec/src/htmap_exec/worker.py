"""The worker: runs components one after another, in one interpreter, and appends a record for each.

In: the task, and the records of earlier workers, whose components are not run again.
Out: the missing records, and the exit code of the job.
On the other side: the keeper, which forked this process, and writes the record of a component that ends it.
"""

from __future__ import annotations

import contextlib
import errno
import gc
import os
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from htmap_common import on_execute
from htmap_common.agreed import COMPONENT, ON_EXECUTE

from . import main_module, stand_in
from .capture import Capture, read_streams, remove_streams
from .checkpoints import Checkpoints
from .errors import ComponentFailure, RunnerFailure, UnpicklableResult
from .function import load_function
from .inputs import Inputs
from .kept_files import KeptFiles, Legacy, enter_scratch
from .leave_for_checkpoint import CheckpointLeave
from .outputs_file import Outputs
from .program_end import end_program
from .progress import NEXT_WORKER, Position, Progress
from .records import OutputRecord, compose
from .timers import stop_timers
from .usage import Meter
from .user_files import UserFiles

if TYPE_CHECKING:
    from htmap_common.wire import Buffer

    from .process_state import ProcessState
    from .task import Task


class _Ending(NamedTuple):
    """How a call ended: with a payload, and with a failure unless it returned."""

    payload: list[Buffer]
    failure: dict[str, Any] | None = None


class Worker:
    """Runs components. Everything that must outlast a component is kept here, out of reach of the user's function."""

    def __init__(self, task: Task, progress: Progress, legacy: Legacy) -> None:
        self._task = task
        self._progress = progress
        self._outputs = Outputs(task)
        self._inputs = Inputs(task.inputs, task.scratch)
        self._function: Callable[..., Any] | None = None
        self._state: ProcessState | None = None
        self._kept = KeptFiles()
        self._kept_for_users = KeptFiles(legacy)
        self._leave = CheckpointLeave(task, progress)
        self._pid = os.getpid()
        self._started = time.time()

    def run(self) -> None:
        """Run the components that have no record yet.

        Raises
        ------
        RunnerFailure
            The outputs file cannot be finished.
        """
        os.environ[ON_EXECUTE] = "1"
        # As for any script: modules that were sent along are found first.
        sys.path.insert(0, self._task.scratch)
        stand_in.install()
        main_module.set_up_process()
        self._kept.keep_sent(self._task)
        unfinished = self._outputs.unfinished()
        for number, component in enumerate(unfinished):
            if self._progress.is_stopping():
                return  # the function has survived SIGTERM, but the job is still to end
            if number > 0:
                if self._leave.is_due():
                    self._leave.leave()
                if self._task.has_fresh_processes:
                    self._progress.set_exit_code(NEXT_WORKER)
                    return
                if self._state is not None:
                    self._state.reset()
            self._run_one(component, is_last=self._task.has_fresh_processes or component == unfinished[-1])
        self._progress.set_exit_code(self._outputs.finish())

    def _run_one(self, component: int, *, is_last: bool) -> None:
        enter_scratch(self._task.scratch)
        os.environ[COMPONENT] = str(component)
        checkpoints = Checkpoints(self._task.scratch, component, self._kept_for_users)
        meter = Meter(checkpoints.usage())
        self._progress.set_position(Position(component, meter.started, meter.user_cpu_s, meter.system_cpu_s))
        files = UserFiles(self._task.scratch, component, self._kept_for_users)

        def checkpoint(*paths: str | os.PathLike[str]) -> None:
            checkpoints.save(paths, meter.read())
            if checkpoints.is_news() and self._leave.is_due():
                self._leave.leave()

        on_execute.install(checkpoint=checkpoint, transfer_output_files=files.transfer_output_files)
        ending = self._attempt(component, checkpoints, files, is_last=is_last)
        self._kept.put_back()
        self._kept_for_users.put_back()
        if ending.failure is not None and self._progress.is_stopping():
            # Eviction made it fail (a handler for SIGTERM that raises, a killed child): it will run again.
            os._exit(1)

        def record() -> None:
            self._append(
                compose(
                    component,
                    meter.read(),
                    read_streams(self._task.scratch, component),
                    files.output_files(),
                    payload=ending.payload,
                    failure=ending.failure,
                    scratch=self._task.scratch,
                )
            )

        record()
        if ending.failure is None:
            checkpoints.forget()
        elif is_last and self._end_program(component):
            # However that ends, the exception is recorded. What was printed comes into a second record, which counts.
            record()
        checkpoints.clear_scratch(self._task.sent)
        remove_streams(self._task.scratch, component)

    def _attempt(self, component: int, checkpoints: Checkpoints, files: UserFiles, *, is_last: bool) -> _Ending:
        """Call the function, and answer for whatever comes of it."""
        try:
            if not checkpoints.restore():
                # With a checkpoint, the function goes on where it was, and may rely on having handed files over.
                files.forget()
                remove_streams(self._task.scratch, component)
            with Capture(self._task.scratch, component):
                ending = _Ending(self._call(component))
                if is_last and os.getpid() == self._pid:
                    # Only then does the result count. A death in there is no longer one of the function.
                    self._progress.set_position(self._progress.position()._replace(returned_at=time.monotonic()))
                    end_program(self._task.end_within_s)
                    self._progress.set_position(self._progress.position()._replace(returned_at=0.0))
        except BaseException as error:  # noqa: BLE001 - sys.exit() and Ctrl-C too end in a record
            self._leave_if_forked(error)
            return self._fail(error)
        self._leave_if_forked(None)
        return ending

    def _call(self, component: int) -> list[Buffer]:
        if self._function is None:
            self._function = load_function(os.path.join(self._task.scratch, self._task.function))
            # The keeper has switched it off. What has been imported by now need never be searched.
            gc.freeze()
            gc.enable()
            if len(self._task.components) > 1:
                from . import process_state  # noqa: PLC0415 - most jobs run one component

                self._state = process_state.ProcessState()
        args, kwargs = self._inputs.load(component)
        try:
            result = self._function(*args, **kwargs)
        finally:
            stop_timers()

        from . import pickling  # noqa: PLC0415 - as in _fail

        try:
            return pickling.dump(result)
        except MemoryError:
            raise
        except Exception as error:
            raise UnpicklableResult(type(result).__qualname__, error) from error

    def _end_program(self, component: int) -> bool:
        """Do what is left for the end; whether anything has been printed there."""
        before = read_streams(self._task.scratch, component)
        with Capture(self._task.scratch, component):
            end_program(self._task.end_within_s)
        return read_streams(self._task.scratch, component) != before

    def _fail(self, error: BaseException) -> _Ending:
        failure = self._describe(error)
        if isinstance(error, ComponentFailure):
            # Its class exists only here, and its data says it all.
            return _Ending([], failure)
        try:
            from . import pickling  # noqa: PLC0415 - cloudpickle may be missing on the node
        except ImportError:
            return _Ending([], failure)
        return _Ending(pickling.dump_exception(error), failure)

    def _describe(self, error: BaseException) -> dict[str, Any]:
        self._kept.put_back()  # the zip of the runner, perhaps
        try:
            from .describe_exception import describe  # noqa: PLC0415 - most components return
        except MemoryError:
            _free_variables(error)
            from .describe_exception import describe  # noqa: PLC0415 - as above
        return describe(error, with_locals=self._task.with_locals, started=self._started)

    def _leave_if_forked(self, error: BaseException | None) -> None:
        """End a child that the function has forked, if this is one that came back here: its parent answers for all."""
        if os.getpid() == self._pid:
            return
        match error:
            case None | SystemExit(code=None):
                os._exit(0)
            case SystemExit(code=int(status)):
                os._exit(status & 0xFF)
            case _:
                os._exit(1)

    def _append(self, record: OutputRecord) -> None:
        try:
            self._outputs.append(record)
        except OSError:
            self._append_again(record)

    def _append_again(self, record: OutputRecord) -> None:
        try:
            # The function may have closed the file: os.closerange() is popular for making daemons.
            self._outputs = Outputs(self._task)
            self._outputs.append(record)
        except (OSError, RunnerFailure) as error:
            # The keeper tries a smaller record.
            number = error.errno if isinstance(error, OSError) else None
            self._progress.set_position(self._progress.position()._replace(write_errno=number or errno.EIO))
            os._exit(1)


def _free_variables(error: BaseException) -> None:
    """Let go of what the frames of an exception hold: there is not even memory left to say so."""
    entry = error.__traceback__
    while entry is not None:
        with contextlib.suppress(RuntimeError):  # it is still at work: one of ours
            entry.tb_frame.clear()
        entry = entry.tb_next
