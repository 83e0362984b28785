"""Expand one job out of a submit description.

In: the description of a cluster, one item of its queue statement, and what was edited since. Out: a `Job`, with nothing
left to look up. On the other side: the starter, which runs it. No I/O here.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from htmap.backend.local import containers
from htmap.backend.local.rows import Past
from htmap.exceptions import InvalidOption
from htmap.language import classad, operators, remaps, words
from htmap.language.commands import FORK_SERVER, canonical
from htmap.language.description import Description
from htmap.language.macros import expand as expand_macros
from htmap.language.urls import arrival_of, path_of_file_url, scheme_of

_T = TypeVar("_T")

# The default, and the unit of a bare number (words.to_size). What is requested by default is what HTCondor requests;
# the time to end is shorter here: nobody wants to wait ten minutes for a laptop.
_AMOUNTS = {
    "request_cpus": ("1", ""),
    "request_memory": ("128", "m"),
    "request_disk": ("1024", "k"),
    "job_max_vacate_time": ("10", ""),
}
_POLICIES = (
    "on_exit_hold",
    "on_exit_hold_reason",
    "on_exit_hold_subcode",
    "on_exit_remove",
    "periodic_hold",
    "periodic_hold_reason",
    "periodic_hold_subcode",
    "periodic_release",
    "periodic_remove",
    "periodic_vacate",
)
PERIODIC = frozenset({"periodic_hold", "periodic_release", "periodic_remove", "periodic_vacate"})


@dataclass(frozen=True, slots=True)
class Job:
    """One job, ready to be run.

    Parameters
    ----------
    initialdir
        What relative paths on the submit side start from.
    preserve_relative_paths
        Whether inputs named by a relative path arrive under that path, not under their base name.
    inputs, outputs
        Files and directories to bring into the scratch directory, some from URLs, and back out of it.
    remaps
        Name of an output to where it goes: a path on the submit side, or a URL.
    image
        What it runs in; None: in nothing but its scratch directory.
    stdin, stdout, stderr
        Paths on the submit side; None: nobody wants it.
    spools_on_eviction
        Whether outputs are kept for the next start when the job is evicted.
    checkpoint_exit_code
        With this exit code it has not ended: it is started again where it is. None: there is no such code.
    vacate_time_s
        How long its process may take to end when it is asked to, before it is killed.
    request_memory_mb, request_disk_kb
        What was asked for. Nothing enforces it here.
    policies
        Text of the on_exit_ and periodic_ expressions, by submit command.
    max_retries, retry_until, success_exit_code
        How often it runs again after it has failed: unless the second, a text, comes true, or it ends with the third.
        None: it does not.
    job_duration_s, execute_duration_s
        How long it may take, and run, before it is held. None: as long as it likes.
    kill_signal
        What asks its process to end.
    core_bytes
        The largest core file. None: what this process may have.
    past
        What it has been through.
    attributes
        Text of the other expressions that the job carries, by casefolded name.
    """

    cluster: int
    proc: int
    executable: Path
    transfer_executable: bool
    arguments: tuple[str, ...]
    environment: dict[str, str]
    initialdir: Path
    preserve_relative_paths: bool
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    remaps: dict[str, str]
    image: containers.Image | None
    stdin: Path | None
    stdout: Path | None
    stderr: Path | None
    spools_on_eviction: bool
    checkpoint_exit_code: int | None
    vacate_time_s: int
    request_cpus: int
    request_memory_mb: int
    request_disk_kb: int
    policies: dict[str, str]
    max_retries: int | None
    retry_until: str
    success_exit_code: int
    job_duration_s: int | None
    execute_duration_s: int | None
    kill_signal: int
    core_bytes: int | None
    past: Past
    attributes: dict[str, str]

    @property
    def fetched(self) -> dict[str, str]:
        """URLs of inputs, to the names under which they arrive."""
        return {name: arrival_of(name) for name in self.inputs if is_remote(name)}

    @property
    def sent(self) -> dict[str, str]:
        """Outputs to the URLs that they go to."""
        return {name: place for name, place in self.remaps.items() if is_remote(place)}

    @property
    def fork_server_arguments(self) -> list[str]:
        """The arguments that make its executable a fork server; none: it cannot be one."""
        text = self.attributes.get(FORK_SERVER.casefold())
        value = classad.parse(text).evaluate(self.scope()) if text else None
        return value.split() if isinstance(value, str) else []

    def scope(self, **known: operators.Value) -> classad.Scope:
        """What an expression of this job may name; `known` are further attributes, by casefolded name."""
        own: dict[str, operators.Value] = {
            "clusterid": self.cluster,
            "procid": self.proc,
            "requestcpus": self.request_cpus,
            "requestmemory": self.request_memory_mb,
            "requestdisk": self.request_disk_kb,
            "jobmaxretries": operators.UNDEFINED if self.max_retries is None else self.max_retries,
            "jobsuccessexitcode": self.success_exit_code,
        }
        return classad.Scope(own | self.past.attributes() | known, self.attributes)


# What the courier transfers.
_SCHEMES = ("http", "https")


def is_remote(name: str) -> bool:
    """Whether it takes a server to transfer it."""
    return scheme_of(name) in _SCHEMES


def _check_scheme(name: str, *known: str) -> None:
    if scheme_of(name) not in ("", *known):
        raise words.BadValue(
            f"{name!r} is a URL of {scheme_of(name)}, and the local backend knows only {' and '.join(_SCHEMES)}; "
            "HTCondor may know it (setting BACKEND)"
        )


def _inputs(text: str) -> tuple[str, ...]:
    """The names in a list of inputs: paths, and URLs that can be fetched."""
    names = words.split_list(text)
    for name in names:
        _check_scheme(name, *_SCHEMES, "file")
    return names


def _outputs(text: str) -> tuple[str, ...]:
    """The names in a list of outputs, each of them inside the scratch directory."""
    names = words.split_list(text)
    for name in names:
        if name.startswith("/") or ".." in name.split("/"):
            raise words.BadValue(f"{name!r} is not in the scratch directory of the job")
    return names


def _remaps(text: str) -> dict[str, str]:
    """The remaps in a list, to paths and to URLs that can be sent to."""
    places = remaps.split(text)
    for place in places.values():
        _check_scheme(place, *_SCHEMES, "file")
    return {name: path_of_file_url(place) for name, place in places.items()}


def _signal(text: str) -> int:
    """The number of a signal, by number or name."""
    if text.strip().isdigit():
        return int(text)
    name = text.strip().upper()
    try:
        return signal.Signals[name if name.startswith("SIG") else f"SIG{name}"]
    except KeyError:
        raise words.BadValue(f"{text!r} is no signal") from None


def expand(
    description: Description,
    inherited: Mapping[str, str],
    job: tuple[int, int],
    item: str,
    edits: Mapping[str, str],
    *,
    past: Past | None = None,
) -> Job:
    """Expand one job.

    Parameters
    ----------
    inherited
        What the job gets of the environment of the process that submitted it.
    job
        Cluster and proc.
    item
        The job's line of items, as it stands in the file.
    edits
        Attributes set since, by casefolded name; the values are ClassAd expressions.
    past
        What it has been through; None: nothing yet.

    Raises
    ------
    InvalidOption
        A value that cannot be used; the message names the submit command.
    """
    return _Expansion(description, inherited, job, item, edits, past=past or Past()).job()


def expand_for_cluster(description: Description, cluster: int, key: str) -> str:
    """A command that all jobs of a cluster share. Raises `InvalidOption` if it differs from job to job."""
    text = description.commands.get(key, "")
    known = {"cluster": str(cluster), "clusterid": str(cluster)}
    own = set(description.commands) | set(known)

    def look_up(name: str) -> str | None:
        if name not in own:
            raise InvalidOption(f"{key} must be the same for all jobs of a map, but it uses $({name}).")
        return known.get(name, description.commands.get(name))

    return expand_macros(text, look_up)


class _Expansion:
    """The commands of one job while they are being looked up."""

    def __init__(
        self,
        description: Description,
        inherited: Mapping[str, str],
        job: tuple[int, int],
        item: str,
        edits: Mapping[str, str],
        *,
        past: Past,
    ) -> None:
        self._past = past
        self._description = description
        self._inherited = inherited
        self._cluster, self._proc = job
        self._edits = edits
        index, step = divmod(self._proc, description.count)
        live = {"cluster": job[0], "clusterid": job[0], "process": job[1], "procid": job[1], "step": step}
        self._live = {name: str(number) for name, number in live.items()}
        self._live |= {"itemindex": str(index), "row": str(index), "dollar": "$"} | description.item_values(item)

    def job(self) -> Job:
        directory = Path(self._description.directory, self._text("initialdir"))
        cpus, memory_mb, disk_kb, vacate_time_s = (self._amount(key) for key in _AMOUNTS)
        return Job(
            cluster=self._cluster,
            proc=self._proc,
            executable=directory / self._text("executable"),
            transfer_executable=self._value("transfer_executable", words.to_bool, "true"),
            arguments=self._value("arguments", words.split_arguments),
            environment={**self._inherited, **self._value("environment", words.split_environment)},
            initialdir=directory,
            preserve_relative_paths=self._value("preserve_relative_paths", words.to_bool, "false"),
            inputs=self._value("transfer_input_files", _inputs),
            outputs=self._value("transfer_output_files", _outputs),
            remaps=self._value("transfer_output_remaps", _remaps),
            image=containers.image_of(*map(self._text, ("universe", "docker_image", "container_image"))),
            stdin=self._path(directory, "input"),
            stdout=self._path(directory, "output"),
            stderr=self._path(directory, "error"),
            spools_on_eviction=self._text("when_to_transfer_output").casefold() == "on_exit_or_evict",
            checkpoint_exit_code=self._number("checkpoint_exit_code"),
            vacate_time_s=vacate_time_s,
            request_cpus=cpus,
            request_memory_mb=memory_mb,
            request_disk_kb=disk_kb,
            policies={key: text for key in _POLICIES if (text := self._expression(key))},
            max_retries=self._number("max_retries"),
            retry_until=self._expression("retry_until"),
            success_exit_code=self._number("success_exit_code") or 0,
            job_duration_s=self._number("allowed_job_duration"),
            execute_duration_s=self._number("allowed_execute_duration"),
            kill_signal=self._value("kill_sig", _signal, "SIGTERM"),
            core_bytes=self._number("core_size"),
            past=self._past,
            attributes=self._attributes(),
        )

    def _look_up(self, name: str) -> str | None:
        found = self._live.get(name)
        return found if found is not None else self._description.commands.get(canonical(name))

    def _text(self, key: str, default: str = "") -> str:
        return expand_macros(self._description.commands.get(key) or default, self._look_up)

    def _value(self, key: str, read: Callable[[str], _T], default: str = "") -> _T:
        try:
            return read(self._text(key, default))
        except ValueError as error:
            raise InvalidOption(f"The value of {key} cannot be used: {error}.") from error

    def _path(self, directory: Path, key: str) -> Path | None:
        text = self._text(key)
        return directory / text if text else None

    def _number(self, key: str) -> int | None:
        return self._value(key, lambda text: int(text) if text else None)

    def _expression(self, key: str) -> str:
        """The text of an expression, known to parse."""

        def checked(text: str) -> str:
            if text:
                classad.parse(text)
            return text

        return self._edited(key) or self._value(key, checked)

    def _edited(self, key: str) -> str | None:
        """What was set since, by the name of the attribute (RequestMemory) or of the command (request_memory)."""
        return self._edits.get(key.replace("_", "")) or self._edits.get(key)

    def _amount(self, key: str) -> int:
        """An amount: a number with a unit, or an expression that gives one."""
        default, unit = _AMOUNTS[key]
        text = self._edited(key) or self._text(key, default)
        size = words.to_size(text, unit)
        if size is not None:
            return size
        try:
            value = classad.parse(text).evaluate(classad.Scope(self._past.attributes(), self._attributes()))
        except classad.BadExpression as error:
            raise InvalidOption(f"The value of {key} cannot be used: {error}.") from error
        if isinstance(value, str | operators.Missing):
            raise InvalidOption(f"The value of {key} cannot be used: {text!r} is not an amount.")
        return int(value)

    def _attributes(self) -> dict[str, str]:
        own = self._description.attributes.items()
        return {name.casefold(): expand_macros(text, self._look_up) for name, text in own} | dict(self._edits)
