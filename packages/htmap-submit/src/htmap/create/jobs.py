"""Say what each job of a submission runs: the values of the variables of its description, a line for each.

In: where the inputs of the components lie, and options that vary over them. Out: the lines of ``items``, as the inputs
come. Looks for the files that options name.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence

from htmap.create.description import Plan, columns
from htmap.create.inputs import StoredInputs
from htmap.create.remaps import remap_entries, spelled_out
from htmap.create.transfers import Sender, check_names
from htmap.exceptions import MisalignedInputData
from htmap.language.items import item_line, item_values
from htmap.language.urls import arrivals
from htmap.option_values import PerComponent
from htmap.store.mapdir import PER_FOLDER, MapDir, folder_of, shard_name
from htmap.store.records import spelled

ValuesOf = Callable[[Sequence[int], Sequence[str]], Sequence[str]]
"""Gives the values of the varying options for the components of a job, whose files it may look at."""


def items(plan: Plan, sender: Sender, map_dir: MapDir, stored: Iterable[StoredInputs]) -> Iterator[str]:
    """One line for each job, in the order of the procs."""
    varying = columns(plan).varying
    own, remaps, fixed = plan.options.input_files, plan.options.output_remaps, plan.fixed_files
    check_names(fixed)

    def values_of(components: Sequence[int], files: Sequence[str]) -> Sequence[str]:
        for option in varying:
            _check_last(option, components[-1])
        flat = {} if own is None else sender.flat(own.values[components[0]])
        if flat or files:
            check_names({**fixed, **flat, **arrivals(files)})
        if plan.chunksize > 1:
            return [spelled_out(remaps, components)] if remaps else []
        return [",".join(flat) if option is own else _value(plan, option, components[0]) for option in varying]

    return item_lines(map_dir, plan.chunksize, stored, values_of if varying or remaps or fixed else None)


def item_lines(
    map_dir: MapDir, chunksize: int, stored: Iterable[StoredInputs], values_of: ValuesOf | None = None
) -> Iterator[str]:
    """One line for each job.

    Parameters
    ----------
    map_dir
        Where the map is when its jobs run.
    values_of
        None: no option varies.
    """
    values_of = values_of or (lambda _components, _files: ())
    if chunksize == 1:
        return _lines_of_single(stored, values_of)
    return _lines_of_chunks(map_dir, chunksize, stored, values_of)


def _lines_of_single(stored: Iterable[StoredInputs], values_of: ValuesOf) -> Iterator[str]:
    jobs = itertools.count()
    for inputs in stored:
        shard = shard_name(inputs.shard)
        # Hot: once per component.
        for component, job in zip(inputs.components, jobs, strict=False):
            if job % PER_FOLDER == 0:
                folder = folder_of(job)
            files = inputs.files.get(component, ())
            values = values_of((component,), files)
            if values:
                yield item_line([str(component), shard, folder, *values, _listed(files)])
            else:
                # As item_line would, at a fifth of the cost.
                yield f"{component},{shard},{folder},{_listed(files)}\n"


def _lines_of_chunks(
    map_dir: MapDir, chunksize: int, stored: Iterable[StoredInputs], values_of: ValuesOf
) -> Iterator[str]:
    single = ((component, inputs) for inputs in stored for component in inputs.components)
    for job in itertools.count():
        chunk = list(itertools.islice(single, chunksize))
        if not chunk:
            return
        components = [component for component, _ in chunk]
        first, *others = dict.fromkeys(inputs.shard for _, inputs in chunk)
        # As the runner takes them, without commas.
        chosen = spelled(components).replace(",", "+")
        shards = "+".join(f"{shard:06d}" for shard in (first, *others))
        files = list(dict.fromkeys(file for component, inputs in chunk for file in inputs.files.get(component, ())))
        front = [str(components[0]), chosen, shards, shard_name(first), folder_of(job), *values_of(components, files)]
        yield item_line([*front, _listed([*(str(map_dir.shard(other)) for other in others), *files])])


def _listed(files: Sequence[str]) -> str:
    """Files for the transfer list, each after a comma: they follow the shard."""
    if not files:
        return ""
    check_names(arrivals(files))
    return "".join(f",{file}" for file in files)


def varying_values(line: str, options: int, *, is_chunked: bool = False) -> list[str]:
    """The values of the varying options in a line for a job, of several components if it is chunked."""
    front = 5 if is_chunked else 3
    return item_values(line, front + options + 1)[front:-1]


def _check_last(option: PerComponent, component: int) -> None:
    if component >= len(option.values):
        raise MisalignedInputData(
            f"The map option {option.name} has {len(option.values)} values, but the map has more components. "
            "Give one value for each component, or a single value for all."
        )


def _value(plan: Plan, option: PerComponent, component: int) -> str:
    value = option.values[component]
    if option is plan.options.output_remaps:
        return remap_entries(value, str(component))
    return str(value)
