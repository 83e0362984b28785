"""The tables of the queue.

In: a new or an old file. Out: tables of the version that this HTMap knows, or an error. On the other side: ``queue``.
"""

from __future__ import annotations

import fcntl
import sqlite3
from pathlib import Path

from htmap.exceptions import BackendNotAvailable

VERSION = 1
_TABLES = """
    CREATE TABLE settings (
        name TEXT PRIMARY KEY,
        value
    ) WITHOUT ROWID;
    CREATE TABLE logs (
        id INTEGER PRIMARY KEY,
        path TEXT NOT NULL UNIQUE,
        written INTEGER NOT NULL,          -- size of the file when the last delivery was recorded
        error TEXT                         -- why the last delivery failed
    );
    CREATE TABLE outbox (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        log INTEGER NOT NULL,
        text TEXT NOT NULL                 -- one event or many, to be appended to the log
    );
    CREATE TABLE clusters (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        uid TEXT NOT NULL,
        log INTEGER NOT NULL,
        description TEXT NOT NULL,         -- JSON
        inherited TEXT NOT NULL,           -- environment that the jobs get from the process that submitted: JSON
        forgotten INTEGER NOT NULL DEFAULT 0
    );
    CREATE INDEX clusters_of_map ON clusters(uid);
    CREATE TABLE jobs (
        cluster INTEGER NOT NULL,
        proc INTEGER NOT NULL,
        status INTEGER NOT NULL DEFAULT 1,
        item TEXT NOT NULL,
        edits TEXT,                        -- attributes set since: JSON
        request TEXT, reason TEXT,         -- what the supervisor is asked to do to its process, and why
        pid INTEGER, pid_started REAL,
        hold_code INTEGER NOT NULL DEFAULT 0, hold_subcode INTEGER NOT NULL DEFAULT 0,
        hold_reason TEXT NOT NULL DEFAULT '',
        exit_code INTEGER, exit_signal INTEGER,
        user_s REAL NOT NULL DEFAULT 0, system_s REAL NOT NULL DEFAULT 0,
        sent_bytes INTEGER NOT NULL DEFAULT 0, received_bytes INTEGER NOT NULL DEFAULT 0,
        PRIMARY KEY (cluster, proc)
    ) WITHOUT ROWID;
    -- The oldest idle job is one step away, however many there are.
    CREATE INDEX jobs_by_status ON jobs(status, cluster, proc);
    CREATE INDEX jobs_with_request ON jobs(request) WHERE request IS NOT NULL;
"""


def make_or_check(connection: sqlite3.Connection, home: Path) -> None:
    """Make the tables if there are none yet.

    Raises
    ------
    BackendNotAvailable
        They are of another version.
    """
    if _version(connection) == 0:
        # One at a time: SQLite does not wait while another process changes the journal.
        with (home / "queue.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if _version(connection) == 0:
                _make(connection)
    found = _version(connection)
    if found != VERSION:
        raise BackendNotAvailable(
            f"The local queue in {home} has format {found}, but this HTMap knows only {VERSION}. "
            "Use the HTMap that made it, or another HTMAP_DIR."
        )


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _make(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA journal_mode = WAL")
    connection.executescript(f"BEGIN IMMEDIATE; {_TABLES} PRAGMA user_version = {VERSION}; COMMIT;")
