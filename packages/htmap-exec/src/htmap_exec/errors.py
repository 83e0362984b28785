"""What goes wrong on the runner's own account.

::

    RunnerFailure        no record can be written: one sentence on stderr, exit code 101
    ComponentFailure     why a component has no result, beside what the function itself raises; becomes a record
    ├── PythonVersionMismatch
    ├── CloudpickleVersionMismatch
    ├── UnreadableFile             the function or the inputs are missing, cut short or garbled
    ├── ComponentNotInShard
    ├── UnpicklableResult
    ├── ComponentDied              the process went away without saying why
    ├── ProgramDidNotEnd           it went away, or had to be ended, in what the component had left for its end
    └── RecordNotWritten           the result was there, but could not be stored

Other side: `htmap_exec.describe_exception` makes plain data of a ComponentFailure, as of the exceptions of the user.
"""

from __future__ import annotations

import os
import signal

PythonName = tuple[str, int, int]
"""Implementation, major and minor version: what must agree for code to be carried from one Python to another."""


class RunnerFailure(Exception):
    """The runner cannot go on, and cannot leave a record that says so."""


class ComponentFailure(Exception):
    """A component has no result, for a reason that is not the function's own exception.

    Attributes
    ----------
    hint
        What to do next, one sentence or two.
    """

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


class PythonVersionMismatch(ComponentFailure):
    """The node's Python cannot run code that was pickled by the submit side's."""

    def __init__(self, submitted: PythonName, found: PythonName, executable: str) -> None:
        super().__init__(
            f"The map was made by {_spell(submitted)}, but this node runs {_spell(found)} ({executable}). "
            "Functions travel as bytecode, so nothing was unpickled.",
            f"Submit with Python {found[1]}.{found[2]}, require nodes with Python {submitted[1]}.{submitted[2]}, or "
            "choose a delivery method that brings its own Python (docker, singularity, transplant).",
        )


def _spell(python: PythonName) -> str:
    implementation, major, minor = python
    return f"{'Python' if implementation == 'cpython' else implementation} {major}.{minor}"


class CloudpickleVersionMismatch(ComponentFailure):
    """The node's cloudpickle is of another major version than the submit side's."""

    def __init__(self, submitted: str, found: str) -> None:
        super().__init__(
            f"The map was made with cloudpickle {submitted}, but this node has {found}. Nothing was unpickled.",
            "Install the same major version on the node, or choose the delivery method 'bundle', which brings it.",
        )


class UnreadableFile(ComponentFailure):
    """A file that came with the job cannot be used."""

    def __init__(self, what: str, path: str, reason: object) -> None:
        super().__init__(
            f"The {what} cannot be read from {path!r}: {reason}",
            "Rerun the component; if it happens again, the file in the map's directory is damaged: make the map again.",
        )


class ComponentNotInShard(ComponentFailure):
    """The job was told to run a component that none of its input files holds."""

    def __init__(self, component: int, paths: list[str]) -> None:
        super().__init__(
            f"Component {component} is not in the input files of this job: {', '.join(paths) or '(none)'}.",
            "Rerun the component; if it happens again, please report it as a bug of HTMap.",
        )


class UnpicklableResult(ComponentFailure):
    """The function returned something that cannot be sent back."""

    def __init__(self, type_name: str, reason: object) -> None:
        super().__init__(
            f"The function returned an object of type {type_name} that cannot be pickled: {reason}",
            _UNPICKLABLE.get(
                type_name,
                "Return plain data instead (numbers, text, containers, arrays), or write it to a file and pass the "
                "file to htmap.transfer_output_files().",
            ),
        )


_UNPICKLABLE = {
    "coroutine": "It was never run: call it as asyncio.run(...) in the function, and return what that gives.",
    "async_generator": "It was never run: collect what it yields in a list, within asyncio.run(...), and return that.",
    "generator": "It was never run: return a list of what it yields, list(...).",
}


class ComponentDied(ComponentFailure):
    """The process that ran the component ended without an exception."""

    def __init__(self, component: int, exit_code: int) -> None:
        """Take the exit code as `os.waitstatus_to_exitcode` gives it: negative means a signal."""
        how, hint = _how_it_ended(exit_code)
        super().__init__(f"The process that ran component {component} {how}.", hint)


def _how_it_ended(exit_code: int) -> tuple[str, str]:
    if exit_code >= 0:
        return (
            f"ended itself with exit status {exit_code}, without an exception",
            "The function, or a library that it calls, ended Python by os._exit() or in compiled code.",
        )
    try:
        name = signal.Signals(-exit_code).name
    except ValueError:
        name = f"signal {-exit_code}"
    return f"was killed by signal {-exit_code} ({name})", _SIGNAL_HINTS.get(name, _OTHER_SIGNAL)


_CRASH = "A compiled library crashed; the component's stderr shows where. Check that its version suits this node."
_OTHER_SIGNAL = "The component's stdout and stderr may say more. Rerun it, or require another kind of node."
_SIGNAL_HINTS = {
    "SIGKILL": "Most often the node was out of memory: ask for more with MapOptions(request_memory=...) and rerun it.",
    "SIGSEGV": _CRASH,
    "SIGBUS": _CRASH,
    "SIGABRT": _CRASH,
    "SIGFPE": _CRASH,
    "SIGILL": "A compiled library uses instructions that this node's processor lacks: require newer nodes.",
    "SIGXCPU": "The node limits CPU time, and the component used it up: split it into smaller ones.",
    "SIGXFSZ": "The node limits the size of a file, and the component went beyond it.",
}


class ProgramDidNotEnd(ComponentFailure):
    """The function returned, but what it had left for the end of its program did not come to a good end."""

    def __init__(self, component: int, exit_code: int, limit_s: float, *, took_too_long: bool) -> None:
        if took_too_long:
            super().__init__(
                f"Component {component} returned, but a thread or an atexit handler that it left was still at work "
                f"after {limit_s:g} s, so its result does not count.",
                "Its stderr shows where each thread was. Stop or join threads before the function returns, make them "
                "daemons, or allow more time with MapOptions(end_within=...).",
            )
        else:
            how, hint = _how_it_ended(exit_code)
            super().__init__(
                f"Component {component} returned, but then a thread or an atexit handler that it left ended the "
                f"process: it {how}. So its result does not count.",
                hint,
            )


class RecordNotWritten(ComponentFailure):
    """The component finished, but its record did not fit on the disk."""

    def __init__(self, component: int, error_number: int) -> None:
        super().__init__(
            f"What component {component} came to could not be written: {os.strerror(error_number)}.",
            "Ask for more disk with MapOptions(request_disk=...) and rerun the component, or return less.",
        )
