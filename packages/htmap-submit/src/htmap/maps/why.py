"""Why a component does not run, or what became of it, in sentences with the next step.

In: an opened map. Out: text. What the log and the records say is said first; of an idle component the queue is asked
which machines could run it (`htmap.backend.protocol.Prospects`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from htmap.backend.protocol import Condition, JobSelection, Prospects
from htmap.exceptions import BackendError
from htmap.maps.opened import Opened
from htmap.maps.table import rows
from htmap.observe.holds import ComponentHold, advice_on
from htmap.observe.statuses import ComponentStatus
from htmap.show.units import count, size
from htmap.store import tags
from htmap.store.records import spelled
from htmap_common.wording import visible

_MB = 1024**2
_MOST_MAPS = 5


def why(opened: Opened, component: int | None = None) -> str:
    """What keeps a component, or the components of each status, from having ended well."""
    opened.watch.look()
    if component is not None:
        return _of_one(opened, opened.retrieval.index(component))
    by_status: dict[ComponentStatus, list[int]] = {}
    for each, status in enumerate(opened.components.statuses()):
        by_status.setdefault(status, []).append(each)
    return "\n\n".join(
        _of_all(opened, status, by_status[status])
        for status in ComponentStatus.display_statuses()
        if status in by_status
    )


def _of_one(opened: Opened, component: int) -> str:
    status = opened.components.status(component)
    return _paragraph(f"Component {component} is {status}.", _EXPLAINED[status](opened, [component]))


def _of_all(opened: Opened, status: ComponentStatus, components: list[int]) -> str:
    head = f"{count(len(components), 'component')} {'is' if len(components) == 1 else 'are'} {status}: "
    return _paragraph(head + spelled(components), _EXPLAINED[status](opened, components))


def _paragraph(head: str, lines: list[str]) -> str:
    return "\n".join([head, *(f"  {visible(line)}" for line in lines)])


def _idle(opened: Opened, components: list[int]) -> list[str]:
    """Of the first of them: the jobs of a map are like one another."""
    lines = _sent_back(opened, components[0])
    job = opened.components.job_of(components[0])
    jobs = None if job is None else {job[0]: [job[1]]}
    try:
        prospects = opened.backend.prospects(JobSelection(opened.directory.uid, jobs))
    except BackendError as error:
        return [*lines, f"The queue cannot be asked why: {error}"]
    if prospects is None:
        return [*lines, "The queue says nothing of it: it may have started a moment ago. Look again."]
    if prospects.busy_with:
        return [*lines, *_waits_for_slots(opened, prospects)]
    return [*lines, *_waits_for_machines(prospects)]


def _sent_back(opened: Opened, component: int) -> list[str]:
    job = opened.components.figures(component)
    if not job.evictions:
        return []
    times = count(job.attempts, "time")
    return [f"Component {component} has been started {times}, and evicted {count(job.evictions, 'time')}."]


def _waits_for_slots(opened: Opened, prospects: Prospects) -> list[str]:
    maps = [f"{number} by {_named(opened, uid)}" for uid, number in _most(prospects.busy_with)]
    return [
        f"All {count(prospects.machines, 'slot')} of this machine are busy: {', '.join(maps)}. It waits for its turn.",
        "The setting LOCAL.SLOTS says how many jobs run at once.",
    ]


def _most(busy_with: Mapping[str, int]) -> list[tuple[str, int]]:
    return sorted(busy_with.items(), key=lambda each: -each[1])[:_MOST_MAPS]


def _named(opened: Opened, uid: str) -> str:
    if uid == opened.directory.uid:
        return "this map"
    tag = tags.tag_of(opened.directory.home, uid)
    return f"map {tag.tag}" if tag else "another map"


def _waits_for_machines(prospects: Prospects) -> list[str]:
    if not prospects.machines:
        return ["The pool has no machine now, or shows none to you: ask its administrators."]
    if prospects.matching:
        return _waits_for_turn(prospects)
    never = [each for each in prospects.conditions if not each.machines]
    if never:
        lines = [f"None of the {count(prospects.machines, 'machine')} of the pool satisfies"]
        lines += [f"  {each.text}{_offer(each, prospects)}" for each in never]
        others = [each for each in prospects.conditions if each.machines < prospects.machines and each.machines]
        lines += [f"{count(each.machines, 'machine')} satisfy {each.text}" for each in others]
        return [*lines, "Ask for less, or for something else: map.set_memory(), map.set_disk(), or make the map anew."]
    return [
        f"Each condition is satisfied by some of the {prospects.machines:,} machines, but no machine satisfies all:",
        *(f"  {each.machines:,} satisfy {each.text}" for each in prospects.conditions),
    ]


def _offer(condition: Condition, prospects: Prospects) -> str:
    """What the largest machine has of what is asked for, if it is an amount."""
    if not condition.amount:
        return ""
    largest = prospects.largest.get(condition.amount, 0)
    asked, has = _amount(condition.amount, condition.asked), _amount(condition.amount, largest)
    return f" (asked for {asked}; the largest machine has {has})"


def _amount(what: str, value: float) -> str:
    if what == "Memory":
        return size(value * _MB)
    if what == "Disk":
        return size(value * 1024)
    return f"{value:g}"


def _waits_for_turn(prospects: Prospects) -> list[str]:
    lines = [f"{count(prospects.matching, 'machine')} of {prospects.machines:,} can run it; it waits for its turn."]
    if prospects.rejection:
        lines.append(f"The negotiator's last word on it: {prospects.rejection}")
    else:
        lines.append("The negotiator has not considered it yet, or all of these are busy with jobs of better priority.")
    return lines


def _held(opened: Opened, components: list[int]) -> list[str]:
    lines: dict[str, list[int]] = {}
    for component in components:
        hold = opened.components.hold(component)
        reason = "no reason is known" if hold is None else f"[{hold.code}] {hold.reason}"
        lines.setdefault(reason, []).append(component)
        if hold is not None and (advice := advice_on(ComponentHold(hold.code, hold.reason))):
            lines.setdefault(f"-> {advice}", [])
    told = [f"{spelled(each)}: {reason}" if each else reason for reason, each in lines.items()]
    return [*told, "Nothing happens until `htmap release`."]


def _running(opened: Opened, components: list[int]) -> list[str]:
    hosts: dict[str, int] = {}
    for component in components:
        host = opened.components.figures(component).host or "an unnamed machine"
        hosts[host] = hosts.get(host, 0) + 1
    places = [f"{number:,} on {host}" for host, number in _most(hosts)]
    more = f", and {len(hosts) - _MOST_MAPS} more machines" if len(hosts) > _MOST_MAPS else ""
    return [f"{', '.join(places)}{more}.", *_sent_back(opened, components[0])]


def _unmaterialized(opened: Opened, components: list[int]) -> list[str]:
    del opened, components
    return ["They enter the queue as others leave it: the setting or option max_idle says how many wait in it at once."]


def _errored(opened: Opened, components: list[int]) -> list[str]:
    problems: dict[str, int] = {}
    for row in rows(opened, components[:100]):
        problem = row["problem"] or "it failed"
        problems[problem] = problems.get(problem, 0) + 1
    told = [f"{number} of the first {len(components[:100])}: {problem}" for problem, number in _most(problems)]
    return [*told, "`htmap errors` says more; `htmap rerun failed` tries again."]


def _said(sentence: str) -> Callable[[Opened, list[int]], list[str]]:
    return lambda _opened, _components: [sentence] if sentence else []


_EXPLAINED: Mapping[ComponentStatus, Callable[[Opened, list[int]], list[str]]] = {
    ComponentStatus.UNKNOWN: _said("Its event log cannot be read."),
    ComponentStatus.UNMATERIALIZED: _unmaterialized,
    ComponentStatus.IDLE: _idle,
    ComponentStatus.RUNNING: _running,
    ComponentStatus.REMOVED: _said("It was taken out of the queue; `htmap rerun failed` submits it again."),
    ComponentStatus.COMPLETED: _said(""),
    ComponentStatus.HELD: _held,
    ComponentStatus.SUSPENDED: _said("It is stopped on its machine; `htmap resume` lets it go on."),
    ComponentStatus.ERRORED: _errored,
}
