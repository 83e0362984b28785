# ruff: noqa: SIM905 - lists of words read better as text
"""The public API has every name, parameter and default of its reference; ours may add, never take away."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

import htmap

# From the API reference: what can be called, with its parameters and defaults.
SIGNATURES = {
    "map": "func, args, map_options=None, tag=None, quiet=False",
    "starmap": "func, args=None, kwargs=None, map_options=None, tag=None, quiet=False",
    "build_map": "func, map_options=None, tag=None",
    "MapBuilder": "func, map_options=None, tag=None",
    "MapBuilder.__len__": "self",
    "mapped": "map_options=None",
    "MappedFunction": "func, map_options=None",
    "MappedFunction.map": "self, args, tag=None, map_options=None",
    "MappedFunction.starmap": "self, args=None, kwargs=None, tag=None, map_options=None",
    "MappedFunction.build_map": "self, tag=None, map_options=None",
    "Map": "*, tag, map_dir",
    "Map.load": "tag",
    "Map.wait": "self, timeout=None, show_progress_bar=False, holds_ok=False, errors_ok=False",
    "Map.get": "self, component, timeout=None",
    "Map.get_err": "self, component, timeout=None",
    "Map.iter": "self, timeout=None",
    "Map.iter_with_inputs": "self, timeout=None",
    "Map.iter_as_available": "self, timeout=None",
    "Map.iter_as_available_with_inputs": "self, timeout=None",
    "Map.iter_inputs": "self",
    "Map.components_by_status": "self",
    "Map.status": "self",
    "Map.hold_report": "self",
    "Map.error_reports": "self",
    "Map.remove": "self, force=False",
    "Map.hold": "self",
    "Map.release": "self",
    "Map.pause": "self",
    "Map.resume": "self",
    "Map.vacate": "self",
    "Map.set_memory": "self, memory",
    "Map.set_disk": "self, disk",
    "Map.rerun": "self, components=None",
    "Map.retag": "self, tag",
    "Map.count": "self, value",
    "ComponentStatus.display_statuses": "",
    "MapStdOut": "map",
    "MapStdOut.get": "self, component, timeout=None",
    "MapStdErr": "map",
    "MapStdErr.get": "self, component, timeout=None",
    "MapOutputFiles": "map",
    "MapOutputFiles.get": "self, component, timeout=None",
    "ComponentError": ("*, map, component, exception_msg, node_info, python_info, scratch_dir_contents, stack_summary"),
    "ComponentError.report": "self",
    "ComponentHold": "code, reason",
    "MapOptions": "*, fixed_input_files=None, input_files=None, output_remaps=None, custom_options=None, **kwargs",
    "MapOptions.merge": "*others",
    "TransferPath": "path, protocol=None, location=None",
    "transfer_output_files": "*paths",
    "checkpoint": "*paths",
    "get_tags": "pattern=None",
    "load": "tag",
    "load_maps": "pattern=None",
    "remove": "tag, not_exist_ok=True",
    "clean": "*, all=False",
    "status": "maps=None, include_state=True, include_meta=True",
    "status_json": "maps=None, include_state=True, include_meta=True, compact=False",
    "status_csv": "maps=None, include_state=True, include_meta=True",
    "register_delivery_method": "name, descriptors_func, setup_func=None",
    "transplants": "",
    "transplant_info": "",
    "Transplant.load": "path",
    "Transplant.remove": "self",
    "settings.Settings": "*settings",
    "settings.Settings.get": "self, key, default=None",
    "settings.Settings.to_dict": "self",
    "settings.Settings.replace": "self, other",
    "settings.Settings.append": "self, other",
    "settings.Settings.prepend": "self, other",
    "settings.Settings.from_settings": "*settings",
    "settings.Settings.load": "path",
    "settings.Settings.save": "self, path",
    "version": "",
    "version_info": "",
}

PROPERTIES = [
    "MapBuilder.map",
    *(
        f"Map.{name}"
        for name in (
            "components is_done is_active component_statuses holds errors memory_usage runtime local_data exists "
            "is_transient stdout stderr output_files"
        ).split()
    ),
]

# Text in the reference that is neither a call nor a property.
NAMES = ["JobStatus", "BASE_SETTINGS", "USER_SETTINGS", "exceptions.MapIdNotFound", "MapOptions.RESERVED_KEYS"]

EXCEPTIONS = (
    "HTMapException TimeoutError MissingSetting OutputNotFound NoMapYet TagAlreadyExists InvalidTag TagNotFound "
    "EmptyMap ReservedOptionKeyword MisalignedInputData CannotRetagMap UnknownPythonDeliveryMethod MapWasRemoved "
    "InvalidOutputStatus MapComponentError MapComponentHeld ExpectedError CannotTransplantPython CannotRerunComponents "
    "InsufficientHTCondorVersion CorruptEventLog"
).split()

STATUSES = "UNKNOWN UNMATERIALIZED IDLE RUNNING REMOVED COMPLETED HELD SUSPENDED ERRORED".split()

RESERVED = {
    "+IsHTMapJob", "+component", "IsHTMapJob", "MY.IsHTMapJob", "MY.component", "arguments", "component", "executable",
    "jobbatchname", "log", "should_transfer_files", "stderr", "stdout", "submit_event_notes", "transfer_executable",
    "transfer_input_files", "transfer_output_files", "transfer_output_remaps", "universe", "when_to_transfer_output",
}  # fmt: skip


def found(name: str) -> Any:
    thing: Any = htmap
    for part in name.split("."):
        thing = getattr(thing, part)
    return thing


def parameters(signature: str) -> dict[str, inspect.Parameter]:
    scope: dict[str, Any] = {}
    exec(f"def call({signature}): ...", scope)  # noqa: S102 - from the table above
    return dict(inspect.signature(scope["call"]).parameters)


@pytest.mark.parametrize("name", SIGNATURES)
def test_a_call_takes_what_the_reference_says(name: str) -> None:
    actual = dict(inspect.signature(found(name)).parameters)
    wanted = parameters(SIGNATURES[name])
    assert [each for each in actual if each in wanted] == list(wanted)
    for each, parameter in wanted.items():
        assert actual[each].kind == parameter.kind, each
        assert actual[each].default == parameter.default, each
    for each in actual.keys() - wanted.keys():
        assert actual[each].default is not inspect.Parameter.empty, f"{each} is required, but not in the reference"


@pytest.mark.parametrize("name", PROPERTIES)
def test_a_property_is_one(name: str) -> None:
    owner, _, attribute = name.rpartition(".")
    assert isinstance(inspect.getattr_static(found(owner), attribute), property)


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_there(name: str) -> None:
    assert found(name) is not None


def test_statuses_have_their_names_as_values() -> None:
    assert {status.name: status.value for status in htmap.ComponentStatus} == {name: name for name in STATUSES}
    assert htmap.JobStatus is htmap.ComponentStatus


def test_exceptions_are_a_family() -> None:
    for name in EXCEPTIONS:
        assert issubclass(found(f"exceptions.{name}"), htmap.exceptions.HTMapException)


def test_reserved_keys_are_those_of_the_reference_and_ours() -> None:
    assert htmap.MapOptions.RESERVED_KEYS >= RESERVED


def test_what_is_public_is_what_is_declared() -> None:
    modules = {name for name, thing in vars(htmap).items() if inspect.ismodule(thing)}
    visible = {name for name in vars(htmap) if not name.startswith("_")} - modules - {"annotations"}
    assert visible == set(htmap.__all__) - {"exceptions"}
