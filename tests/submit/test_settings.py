"""Mirrors htmap.settings: a chain of dictionaries, in which the first that has a key wins."""

from __future__ import annotations

import contextlib
import os
import re
import stat
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import htmap
from htmap.exceptions import HTMapException, InvalidSetting, MissingSetting, StorageError
from htmap.settings import BASE_SETTINGS, KNOWN, Settings, _from_environment

# --- layers: the model says what the chain must say -----------------------------------------------------------------

NAMES = st.sampled_from(["a", "b", "c"])
TABLES: st.SearchStrategy[dict[str, Any]] = st.recursive(
    st.dictionaries(NAMES, st.integers(0, 3), max_size=3),
    lambda tables: st.dictionaries(NAMES, st.integers(0, 3) | tables, max_size=3),
    max_leaves=8,
)
PATHS = st.lists(NAMES, min_size=1, max_size=4)

MISSING = object()


def model(layers: list[Any], path: list[str]) -> Any:
    """What a lookup gives: the first value; tables that nothing hides are looked through together."""
    if not path:
        return layers[0] if not isinstance(layers[0], Mapping) else merged(layers)
    found = [layer[path[0]] for layer in visible(layers) if path[0] in layer]
    return model(found, path[1:]) if found else MISSING


def visible(layers: list[Any]) -> list[Mapping[str, Any]]:
    """The tables at the top; a plain value hides what is below it."""
    tables = []
    for layer in layers:
        if not isinstance(layer, Mapping):
            break
        tables.append(layer)
    return tables


def merged(layers: list[Any]) -> dict[str, Any]:
    tables = visible(layers)
    return {key: model(tables, [key]) for key in {key for table in tables for key in table}}


@given(st.lists(TABLES, min_size=1, max_size=4), PATHS)
def test_lookups_follow_the_chain(layers: list[dict[str, Any]], path: list[str]) -> None:
    expected = model(layers, path)
    chain = Settings(*layers)
    assert chain.get(".".join(path), MISSING) == expected
    assert (".".join(path) in chain) is (expected is not MISSING)
    assert chain.to_dict() == merged(list(layers))


@given(st.lists(TABLES, min_size=1, max_size=4), PATHS)
def test_case_does_not_matter(layers: list[dict[str, Any]], path: list[str]) -> None:
    shouted = [shout(layer) if number % 2 else layer for number, layer in enumerate(layers)]
    found = Settings(*shouted).get(".".join(path).upper(), MISSING)
    assert lowered(found) == model(list(layers), path)


def shout(table: Mapping[str, Any]) -> dict[str, Any]:
    return {key.upper(): shout(value) if isinstance(value, Mapping) else value for key, value in table.items()}


def lowered(value: Any) -> Any:
    return {key.lower(): lowered(each) for key, each in value.items()} if isinstance(value, Mapping) else value


@given(TABLES, TABLES, TABLES)
def test_appending_prepending_and_building_agree(
    first: dict[str, Any], second: dict[str, Any], third: dict[str, Any]
) -> None:
    whole = Settings(first, second, third)
    appended = Settings(first)
    appended.append(second)
    appended.append(Settings(third))
    prepended = Settings(third)
    prepended.prepend(Settings(first, second))
    assert whole == appended == prepended == Settings.from_settings(Settings(first), Settings(second, third))


@given(st.lists(TABLES, min_size=1, max_size=3), PATHS, st.integers(4, 9))
def test_what_is_set_is_found_and_wins(layers: list[dict[str, Any]], path: list[str], value: int) -> None:
    chain = Settings(*layers)
    chain[".".join(path)] = value
    assert chain[".".join(path)] == value
    chain.append({"a": {"b": {"c": {"a": -1}}}})
    assert chain[".".join(path)] == value


@given(TABLES, st.integers(4, 9), st.integers(4, 9))
def test_a_dotted_key_means_the_same_in_a_dictionary(table: dict[str, Any], above: int, below: int) -> None:
    assert Settings({"a.b": above}, table)["a.b"] == above
    assert Settings({"a": {"b": above}}, {"a.b": below}, table)["a.b"] == above
    assert Settings({"a.b": above}, {"a": {"b": below}}, table)["a"]["b"] == above


def test_names_inside_a_value_keep_their_dots_and_their_case() -> None:
    chain = Settings({"MAP_OPTIONS": {"custom_options": {"My.Own": 1}}})
    assert chain["MAP_OPTIONS"] == {"custom_options": {"My.Own": 1}}


# --- nothing is shared ----------------------------------------------------------------------------------------------


def test_replacing_does_not_tie_two_settings_together() -> None:
    one, two = Settings({"a": {"b": 1}}), Settings({"a": {"b": 2}})
    one.replace(two)
    assert one == two
    one["a.b"] = 3
    two["c"] = 4
    assert two["a.b"] == 2
    assert "c" not in one


def test_neither_what_is_put_in_nor_what_is_taken_out_is_shared() -> None:
    table: dict[str, Any] = {"a": {"b": [1]}}
    chain = Settings(table)
    table["a"]["b"].append(2)
    chain["a"]["b"].append(3)
    chain.to_dict()["a"]["b"].append(4)
    value = [5]
    chain["c"] = value
    value.append(6)
    assert chain.to_dict() == {"a": {"b": [1]}, "c": [5]}


def test_changing_user_settings_later_does_not_reach_into_settings_made_of_them() -> None:
    user = Settings({"a": 1})
    chain = Settings.from_settings(user, {"b": 2})
    chain["a"] = 3
    assert user["a"] == 1


@pytest.fixture
def user() -> Iterator[Settings]:
    """`htmap.USER_SETTINGS`, which are put back."""
    before = Settings.from_settings(htmap.USER_SETTINGS)
    yield htmap.USER_SETTINGS
    htmap.USER_SETTINGS.replace(before)


def test_what_is_changed_in_the_settings_of_the_user_shows(user: Settings) -> None:
    followers = Settings({"above": 1})._follow(user, BASE_SETTINGS)
    assert followers["DOCKER.IMAGE"] is None
    user["DOCKER.IMAGE"] = "mine"
    assert (
        followers["DOCKER.IMAGE"] == htmap.settings["DOCKER.IMAGE"] == followers.to_dict()["DOCKER"]["IMAGE"] == "mine"
    )
    user.prepend({"DOCKER.IMAGE": "first"})
    assert followers["docker.image"] == "first"
    user.append({"MY.OWN": 1})
    assert (followers["MY.OWN"], followers["ABOVE"]) == (1, 1)
    user["ABOVE"] = 2
    assert followers["ABOVE"] == 1
    user.replace(Settings({"DOCKER.IMAGE": "other"}))
    assert followers["DOCKER.IMAGE"] == "other"
    assert "MY.OWN" not in followers
    followers["DOCKER.IMAGE"] = "here"
    assert user["DOCKER.IMAGE"] == "other"


def test_what_is_appended_comes_after_what_is_followed(user: Settings) -> None:
    followers = Settings({})._follow(user)
    followers.append({"OWN": "appended"})
    assert followers["OWN"] == "appended"
    user["OWN"] = "user's"
    assert followers["OWN"] == "user's"
    apart = Settings.from_settings(followers)
    user["OWN"] = "changed"
    assert apart["OWN"] == "user's"
    followers.replace(apart)
    user["OWN"] = "changed again"
    assert followers["OWN"] == "user's"


def test_settings_are_equal_when_they_say_the_same() -> None:
    assert Settings({"a": 1}, {"b": 2}) == Settings({"a": 1, "b": 2})
    assert Settings({"a": 1}) != Settings({"a": 2})
    assert Settings() == Settings({})
    assert Settings({"a": 1}) != {"a": 1}


def test_settings_can_be_read_by_a_person() -> None:
    assert repr(Settings({"a": 1}, {"b": 2})) == "Settings({'a': 1}, {'b': 2})"


# --- known settings -------------------------------------------------------------------------------------------------


def test_every_known_setting_has_its_default() -> None:
    for known in KNOWN:
        assert BASE_SETTINGS[known.key] == known.default
        assert known.meaning.endswith(".")


def test_a_missing_setting_is_named() -> None:
    with pytest.raises(MissingSetting, match=r"^There is no setting 'no\.such'\.$"):
        BASE_SETTINGS["no.such"]
    assert BASE_SETTINGS.get("no.such") is None
    assert BASE_SETTINGS.get("no.such", 3) == 3


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("WAIT_TIME", 2, 2.0),
        ("local.slots", 3, 3),
        ("HTMAP_DIR", Path("/x"), "/x"),
        ("HTCONDOR.SCHEDULER", None, None),
    ],
)
def test_values_that_can_be_meant_are_taken(key: str, value: object, expected: object) -> None:
    found = Settings({key: value}, BASE_SETTINGS.to_dict())[key]
    assert (found, type(found)) == (expected, type(expected))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("LOCAL.SLOTS", "two"),
        ("LOCAL.SLOTS", True),
        ("LOCAL.SLOTS", 1.5),
        ("LOCAL.SLOTS", -1),
        ("WAIT_TIME", "soon"),
        ("WAIT_TIME", -0.5),
        ("WAIT_TIME", float("nan")),
        ("OUTPUT_GRACE", None),
        ("BACKEND", 7),
        ("HTMAP_DIR", ["x"]),
        ("MAP_OPTIONS", "request_memory=1GB"),
    ],
)
def test_a_known_setting_of_the_wrong_kind_is_named(key: str, value: object) -> None:
    chain = Settings.from_settings({}, BASE_SETTINGS)
    chain[key] = value
    with pytest.raises(InvalidSetting, match=re.escape(key)) as caught:
        chain[key]
    assert repr(value) in str(caught.value)
    chain[key] = BASE_SETTINGS[key]
    assert chain == BASE_SETTINGS


# --- the environment ------------------------------------------------------------------------------------------------


def test_variables_become_settings() -> None:
    chain = Settings(
        _from_environment(
            {
                "HTMAP_DIR": "/maps",
                "HTMAP_BACKEND": "local",
                "HTMAP_WAIT_TIME": "5",
                "HTMAP_LOCAL__SLOTS": "3",
                "HTMAP_HTCONDOR__SCHEDULER": "schedd@example.org",
                "HTMAP_MAP_OPTIONS__REQUEST_MEMORY": "1GB",
                "HTMAP_ON_EXECUTE": "1",
                "HTMAP_COMPONENT": "4",
                "HOME": "/home/me",
            }
        )
    )
    assert chain["HTMAP_DIR"] == "/maps"
    assert (chain["WAIT_TIME"], chain["LOCAL.SLOTS"]) == (5.0, 3)
    assert chain["HTCONDOR"] == {"SCHEDULER": "schedd@example.org"}
    assert chain["map_options.request_memory"] == "1GB"
    assert not any(key in chain for key in ("ON_EXECUTE", "COMPONENT", "HOME", "DIR"))


@pytest.mark.parametrize(
    ("old", "key"),
    [
        ("HTMAP_DOCKER_IMAGE", "DOCKER.IMAGE"),
        ("HTMAP_SINGULARITY_IMAGE", "SINGULARITY.IMAGE"),
        ("HTMAP_CONDOR_SCHEDULER", "HTCONDOR.SCHEDULER"),
        ("HTMAP_CONDOR_COLLECTOR", "HTCONDOR.COLLECTOR"),
    ],
)
def test_variables_of_the_old_tool_work_with_a_note(old: str, key: str) -> None:
    new = f"HTMAP_{key.replace('.', '__')}"
    with pytest.warns(FutureWarning, match=f"{old} is called {new} now"):
        assert Settings(_from_environment({old: "mine"}))[key] == "mine"
    assert Settings(_from_environment({new: "today's", old: "mine"}))[key] == "today's"  # and no note


def test_a_variable_that_cannot_be_used_is_refused_when_it_is_looked_up() -> None:
    chain = Settings(_from_environment({"HTMAP_LOCAL__SLOTS": "many"}), BASE_SETTINGS.to_dict())
    with pytest.raises(InvalidSetting, match=r"LOCAL\.SLOTS must be a whole number, 0 or more, not 'many'"):
        chain["LOCAL.SLOTS"]


@given(
    st.dictionaries(
        st.sampled_from(["HTMAP_A", "HTMAP_A__B", "HTMAP_A__B__C", "HTMAP___", "HTMAP_", "HTMAP_A__"]), st.text()
    )
)
def test_no_environment_keeps_htmap_from_being_imported(environ: dict[str, str]) -> None:
    Settings(_from_environment(environ)).to_dict()


# --- files ----------------------------------------------------------------------------------------------------------

KEYS = st.text(st.characters(codec="utf-8", exclude_categories=["C"], exclude_characters="."), min_size=1, max_size=4)
VALUES = st.integers(-(2**40), 2**40) | st.booleans() | st.text(max_size=6) | st.floats(-1e9, 1e9, allow_nan=False)


@given(st.dictionaries(KEYS, VALUES | st.dictionaries(KEYS, VALUES, max_size=3), max_size=4))
def test_what_is_saved_is_loaded_or_was_refused(table: dict[str, Any]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        try:
            Settings(table).save(f"{folder}/rc")
        except InvalidSetting:
            assert os.listdir(folder) == []  # noqa: PTH208 - a name is all it takes
        else:
            assert Settings.load(f"{folder}/rc").to_dict() == Settings(table).to_dict()


@pytest.mark.parametrize(
    "value",
    ['OpSys == "LINUX"', 'regexp("^n\\.x", Machine)', "C:\\x", "naïve ☃", "#", "a\tb", ["1GB", "2 GB"], 1.5, True, {}],
)
def test_what_options_are_made_of_can_be_saved(value: object, tmp_path: Path) -> None:
    Settings({"MAP_OPTIONS": {"some": value}}).save(tmp_path / "rc")
    assert Settings.load(tmp_path / "rc")["MAP_OPTIONS"] == {"some": value}


def test_what_toml_cannot_hold_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidSetting, match="Cannot save settings"):
        Settings({"a": object()}).save(tmp_path / "rc")
    assert not (tmp_path / "rc").exists()


def test_saving_is_all_or_nothing_and_keeps_permissions_and_links(tmp_path: Path) -> None:
    real, link = tmp_path / "dotfiles", tmp_path / "rc"
    real.write_text("old")
    real.chmod(0o640)
    link.symlink_to(real)
    Settings({"TEXT": "new"}).save(link)
    assert Settings.load(link)["TEXT"] == "new"
    assert link.is_symlink()
    assert stat.S_IMODE(real.stat().st_mode) == 0o640
    before = real.read_text()
    with pytest.raises(InvalidSetting, match="cannot be encoded"):
        Settings({"TEXT": "\udcff"}).save(link)
    with pytest.raises(StorageError, match="Cannot save settings"):
        Settings({"TEXT": "x"}).save(f"{link}\0")
    assert real.read_text() == before
    tmp_path.chmod(0o500)
    try:
        if os.geteuid() != 0:
            with pytest.raises(StorageError, match="Permission denied"):
                Settings({"TEXT": "newer"}).save(link)
    finally:
        tmp_path.chmod(0o700)
    assert real.read_text() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["dotfiles", "rc"]
    Settings({"TEXT": "new"}).save(tmp_path / "new")
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o600


def test_settings_that_are_none_are_not_saved(tmp_path: Path) -> None:
    BASE_SETTINGS.save(tmp_path / "rc")
    loaded = Settings.load(tmp_path / "rc")
    assert "HTCONDOR.SCHEDULER" not in loaded
    assert Settings.from_settings(loaded, BASE_SETTINGS) == BASE_SETTINGS


def test_a_path_is_saved_as_text(tmp_path: Path) -> None:
    Settings({"HTMAP_DIR": tmp_path}).save(str(tmp_path / "rc"))
    assert Settings.load(str(tmp_path / "rc"))["HTMAP_DIR"] == str(tmp_path)


def test_a_malformed_file_is_named_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "rc").write_text('HTMAP_DIR = "/x"\n\nBACKEND local\n')
    with pytest.raises(InvalidSetting, match=rf"^{re.escape(str(tmp_path))}/rc, line 3, column \d+: this is no TOML"):
        Settings.load(tmp_path / "rc")


@pytest.mark.parametrize("text", ["a={b=1", "a = 1979-13-45", "[a]\n[a]", '"', "\x00", "= 3", "[", 'a = "\\u1"'])
def test_whatever_is_wrong_with_a_file_is_said_in_a_sentence(text: str, tmp_path: Path) -> None:
    (tmp_path / "rc").write_text(text)
    with pytest.raises(InvalidSetting, match=re.escape(str(tmp_path / "rc"))):
        Settings.load(tmp_path / "rc")


@given(st.text(st.sampled_from("ab.=[]{}\"'\\\n#,1-+_: tu"), max_size=30))
def test_no_text_makes_loading_fail_otherwise(text: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "rc")
        path.write_text(text)
        with contextlib.suppress(InvalidSetting):
            Settings.load(path)


def test_a_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    (tmp_path / "rc").write_bytes(b"a = '\xff'")
    with pytest.raises(InvalidSetting, match=r"rc: this is no text in UTF-8 \(byte 5\)"):
        Settings.load(tmp_path / "rc")


def test_a_file_that_cannot_be_read_or_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"Cannot read settings from .*absent: No such file"):
        Settings.load(tmp_path / "absent")
    with pytest.raises(StorageError, match=r"Cannot save settings to .*Is a directory"):
        Settings().save(tmp_path)


# --- ~/.htmaprc -----------------------------------------------------------------------------------------------------


def test_the_instance_stands_in_for_the_module() -> None:
    assert vars(Settings)["Settings"] is Settings  # so htmap.settings.Settings resolves
    assert isinstance(htmap.settings, Settings)


def test_every_error_of_settings_is_of_the_family() -> None:
    assert issubclass(MissingSetting, HTMapException)
