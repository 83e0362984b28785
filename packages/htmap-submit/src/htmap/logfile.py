"""HTMap's own log file, if the setting LOG_LEVEL asks for one; else nothing is configured, and nothing written.

In: records of the logger ``htmap``. Out: ``logs/htmap.log`` below HTMAP_DIR, and three older ones beside it. The
logging hierarchy is otherwise the user's own.
"""

from __future__ import annotations

import logging
import sys
from pathlib import Path

from htmap.exceptions import HTMapException, InvalidSetting
from htmap.settings import Settings
from htmap.store.atomic import make_private_directory
from htmap.store.mapdir import Home

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")

_FILE_BYTES = 4 * 1024 * 1024
_OLDER_FILES = 3


def path_of_log(home: Home) -> Path:
    """Where the log is, or would be."""
    return home.logs / "htmap.log"


def level_of(settings: Settings) -> int | None:
    """The level of the log file; None: no file is wanted.

    Raises
    ------
    InvalidSetting
        There is no such level.
    """
    name = settings["LOG_LEVEL"]
    if name is None or not name:
        return None
    if name.upper() not in LEVELS:
        raise InvalidSetting(f"The setting LOG_LEVEL must be one of {', '.join(LEVELS)}, not {name!r}.")
    return int(getattr(logging, name.upper()))


def start(logger: logging.Logger, settings: Settings) -> None:
    """Write what the logger gets to the file, if the setting asks for it now.

    Called when htmap is imported, which must not fail: settings that cannot be used are complained about at the first
    lookup that matters.
    """
    try:
        level = level_of(settings)
    except HTMapException:
        return
    if level is not None:
        handler = _LogFile(settings)
        handler.setLevel(level)
        logger.addHandler(handler)
        if logger.level == logging.NOTSET or logger.level > level:
            logger.setLevel(level)


class _LogFile(logging.Handler):
    """Opens the file when there is something to write, and where HTMAP_DIR is then."""

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self._settings = settings
        self._file: logging.Handler | None = None
        self._has_complained = False

    def emit(self, record: logging.LogRecord) -> None:
        try:
            if self._file is None:
                self._file = _opened(path_of_log(Home.of(self._settings)))
            self._file.emit(record)
        except (OSError, HTMapException) as error:
            # A full disk is no reason for the map to fail, nor for a traceback at each line.
            if not self._has_complained:
                self._has_complained = True
                sys.stderr.write(f"HTMap cannot write its log: {error}\n")

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
        super().close()


def _opened(path: Path) -> logging.Handler:
    # Imported when a file is wanted: it brings sockets and queues along.
    from logging.handlers import RotatingFileHandler  # noqa: PLC0415

    class Rotating(RotatingFileHandler):
        def handleError(self, record: logging.LogRecord) -> None:  # noqa: ARG002, N802 - logging's signature
            raise  # noqa: PLE0704 - it is called while an exception is handled

    make_private_directory(path.parent)
    handler = Rotating(path, maxBytes=_FILE_BYTES, backupCount=_OLDER_FILES, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(process)d %(levelname)s %(name)s: %(message)s"))
    return handler
