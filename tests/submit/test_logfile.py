"""Mirrors htmap.logfile: a log of HTMap's own, only if the setting asks for it."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from htmap import logfile
from htmap.exceptions import InvalidSetting
from htmap.settings import Settings
from htmap.store.mapdir import Home


@pytest.fixture
def logger() -> Iterator[logging.Logger]:
    made = logging.Logger("htmap.of-a-test")  # in no hierarchy, which pytest would listen to  # noqa: LOG001
    yield made
    for handler in made.handlers:
        handler.close()


def test_nothing_is_configured_unless_the_setting_asks_for_it(own_settings: Settings, logger: logging.Logger) -> None:
    logfile.start(logger, own_settings)
    assert (logger.handlers, logger.level) == ([], logging.NOTSET)


def test_records_of_that_level_are_written(own_settings: Settings, home: Home, logger: logging.Logger) -> None:
    own_settings["LOG_LEVEL"] = "info"
    logfile.start(logger, own_settings)
    assert not home.logs.exists(), "nothing has been said yet"
    logger.debug("too quiet")
    logger.info("said %s", "twice")
    text = logfile.path_of_log(home).read_text()
    assert text.count("\n") == 1
    assert text.endswith(" INFO htmap.of-a-test: said twice\n")


def test_the_file_is_rotated(
    own_settings: Settings, home: Home, logger: logging.Logger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logfile, "_FILE_BYTES", 1000)
    own_settings["LOG_LEVEL"] = "DEBUG"
    logfile.start(logger, own_settings)
    for number in range(100):
        logger.debug("%0100d", number)
    files = sorted(path.name for path in home.logs.iterdir())
    assert files == ["htmap.log", "htmap.log.1", "htmap.log.2", "htmap.log.3"]
    assert all(path.stat().st_size <= 1000 for path in home.logs.iterdir())


@pytest.mark.parametrize("level", ["loud", "10", "NOTSET"])
def test_a_level_that_is_none_is_refused_when_it_is_looked_up(
    level: str, own_settings: Settings, logger: logging.Logger
) -> None:
    own_settings["LOG_LEVEL"] = level
    logfile.start(logger, own_settings)  # as `import htmap` does, which must not fail
    assert logger.handlers == []
    with pytest.raises(InvalidSetting, match="must be one of DEBUG"):
        logfile.level_of(own_settings)


def test_a_disk_that_refuses_is_said_once(
    own_settings: Settings, home: Home, logger: logging.Logger, capfd: pytest.CaptureFixture[str]
) -> None:
    own_settings["LOG_LEVEL"] = "INFO"
    home.logs.write_text("in the way")
    logfile.start(logger, own_settings)
    logger.info("once")
    logger.info("twice")
    said = capfd.readouterr().err
    assert said.count("\n") == 1
    assert said.startswith("HTMap cannot write its log: ")
