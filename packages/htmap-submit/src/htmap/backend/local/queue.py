"""The queue of this machine: one SQLite file, used by any number of processes at once.

In: clusters and jobs (client), changes of their state (client, supervisor). Out: rows, as values (``rows``).
On the other side: ``client`` and ``supervisor``, which never talk to each other in any other way.

Every change of state is one transaction, together with the text of the event that tells of it (table outbox): so no
kill can leave a change without its event, or a cluster without some of its jobs.

::

    idle -> running <-> suspended      A job with a process (running, suspended) is changed by the supervisor only;
      ^        |            |          clients write into the column request what they want.
      |        v            v          A job without one is changed by whoever is asked.
    held <- whatever ends a process -> completed, removed
"""

# ruff: noqa: S608 - what is put together into statements here are names and numbers of ours, never anybody's text.
from __future__ import annotations

import contextlib
import fcntl
import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from htmap.backend.local.launch import LOCK_NAME
from htmap.backend.local.rows import ClusterRow, JobKey, JobRow, LogRow, Request, SelectedJob, Undelivered
from htmap.backend.protocol import JobSelection, JobStatus
from htmap.exceptions import BackendNotAvailable
from htmap.store.locks import is_held
from htmap.store.trust import check_trusted

# With a process: only the supervisor moves such a job.
WITH_PROCESS = (JobStatus.RUNNING, JobStatus.SUSPENDED)
IN_QUEUE = (JobStatus.IDLE, JobStatus.HELD, *WITH_PROCESS)

# Another process may hold the queue while it submits a million jobs.
_BUSY_TIMEOUT_S = 60.0
_LOGS_TO_WRITE = "SELECT id FROM logs WHERE error IS NULL AND id IN (SELECT log FROM outbox)"
# SQLite allows 999 parameters in old versions.
_MOST_PROCS = 500


_VERSION = 2
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
        forgotten INTEGER NOT NULL DEFAULT 0,
        periodic INTEGER NOT NULL DEFAULT 0 -- whether its jobs have policies that are to be looked at now and then
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
        request_code INTEGER NOT NULL DEFAULT 1, request_subcode INTEGER NOT NULL DEFAULT 0,
        starts INTEGER NOT NULL DEFAULT 0, completions INTEGER NOT NULL DEFAULT 0,
        memory_mb INTEGER NOT NULL DEFAULT 0, disk_kb INTEGER NOT NULL DEFAULT 0,
        entered REAL NOT NULL DEFAULT 0,   -- when it came into its state, in unix seconds
        ready REAL NOT NULL DEFAULT 0,     -- it does not start before
        PRIMARY KEY (cluster, proc)
    ) WITHOUT ROWID;
    -- The oldest idle job is one step away, however many there are.
    CREATE INDEX jobs_by_status ON jobs(status, cluster, proc);
    CREATE INDEX jobs_with_request ON jobs(request) WHERE request IS NOT NULL;
"""


class Queue:
    """An open queue. Not for use by two threads, nor across a fork; opening one is cheap.

    Parameters
    ----------
    home
        The directory of the local backend. It is made if it is missing.

    Raises
    ------
    BackendNotAvailable
        The queue was made by a newer HTMap.
    OSError, sqlite3.Error
        The directory or the file cannot be used.
    """

    def __init__(self, home: Path) -> None:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        for path in (home, home / "queue.sqlite"):
            check_trusted(path)  # what stands in it is run
        # Python would begin transactions of its own; here each one is spelled out.
        self._connection = sqlite3.connect(home / "queue.sqlite", timeout=_BUSY_TIMEOUT_S, isolation_level=None)
        self._connection.row_factory = sqlite3.Row
        # With the write-ahead log this loses nothing when a process is killed; only a power cut can take the
        # newest changes, and never the file.
        try:
            self._connection.execute("PRAGMA synchronous = NORMAL")
            _make_or_check(self._connection, home)
            self._settle_in(home)
        except BaseException:
            self.close()
            raise

    def _settle_in(self, home: Path) -> None:
        """Take out of the queue what was submitted to it in another place: those jobs have the paths of that place.

        Of a copy, the original runs them; of one that was moved, their files are where they do not look.
        """
        then = self._value("SELECT value FROM settings WHERE name = 'place'")
        if then == str(home) or (then is not None and _is_same_file(Path(then), home)):
            return
        if then is not None and is_held(home / LOCK_NAME):
            return  # they run: another machine knows this directory by another path
        with self.transaction():
            if then is not None:
                gone = {"status": JobStatus.REMOVED.value, "request": None, "pid": None, "pid_started": None}
                names = ", ".join(f"{name} = ?" for name in gone)
                self._connection.execute(f"UPDATE jobs SET {names} WHERE {_status_in(IN_QUEUE)}", tuple(gone.values()))
                self._connection.execute("DELETE FROM outbox")
            self._connection.execute("INSERT OR REPLACE INTO settings VALUES ('place', ?)", (str(home),))

    def __enter__(self) -> Queue:  # noqa: PYI034 - Self is new in Python 3.11
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def close(self) -> None:
        self._connection.close()

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """All changes within happen at once, or not at all."""
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    def version(self) -> int:
        """A number that changes when another process has changed the queue."""
        return int(self._value("PRAGMA data_version"))

    # ------------------------------------------------------------------------------------------------------ settings

    def slots(self) -> int:
        """How many jobs may run at once."""
        return max(1, int(self._value("SELECT value FROM settings WHERE name = 'slots'") or 1))

    def limits_memory(self) -> bool:
        """Whether a job is held that uses more memory than it requested."""
        return bool(self._value("SELECT value FROM settings WHERE name = 'limits_memory'"))

    def set_limits_memory(self, limits: bool) -> None:
        if self.limits_memory() != limits:
            self._connection.execute("INSERT OR REPLACE INTO settings VALUES ('limits_memory', ?)", (limits,))

    def set_slots(self, slots: int) -> None:
        if self.slots() != slots:
            self._connection.execute("INSERT OR REPLACE INTO settings VALUES ('slots', ?)", (slots,))

    # ------------------------------------------------------------------------------------------------------ clusters

    def add_cluster(self, uid: str, description: str, inherited: str, *, is_periodic: bool = False) -> int:
        """Add a cluster; `set_log` and `add_jobs` complete it, in the same transaction."""
        cursor = self._connection.execute(
            "INSERT INTO clusters (uid, log, description, inherited, periodic) VALUES (?, 0, ?, ?, ?)",
            (uid, description, inherited, is_periodic),
        )
        return int(cursor.lastrowid or 0)

    def set_log(self, cluster: int, path: Path) -> int:
        """Say where the events of a cluster go. Returns the id of that log."""
        # Whatever the file holds already is not ours to compare with.
        size = path.stat().st_size if path.exists() else 0
        self._connection.execute("INSERT OR IGNORE INTO logs (path, written) VALUES (?, ?)", (str(path), size))
        log = int(self._value("SELECT id FROM logs WHERE path = ?", str(path)))
        self._connection.execute("UPDATE clusters SET log = ? WHERE id = ?", (log, cluster))
        return log

    def add_jobs(self, cluster: int, first: int, items: Sequence[str]) -> None:
        """Add idle jobs, one for each item."""
        now = time.time()
        self._connection.executemany(
            "INSERT INTO jobs (cluster, proc, item, entered) VALUES (?, ?, ?, ?)",
            ((cluster, first + index, item, now) for index, item in enumerate(items)),
        )

    def cluster(self, cluster: int) -> ClusterRow:
        """Raises LookupError if it was forgotten meanwhile."""
        return ClusterRow.of(self._rows("SELECT * FROM clusters WHERE id = ?", cluster)[0])

    def forget(self, uid: str) -> None:
        """Delete everything about a map once none of its jobs is in the queue (`purge`)."""
        self._connection.execute("UPDATE clusters SET forgotten = 1 WHERE uid = ?", (uid,))

    def purge(self) -> None:
        """Delete the clusters that are to be forgotten, have left the queue, and have told so."""
        gone = self._column(
            "SELECT id FROM clusters WHERE forgotten AND NOT EXISTS "
            f"(SELECT 1 FROM jobs WHERE cluster = clusters.id AND {_status_in(IN_QUEUE)}) "
            f"AND log NOT IN ({_LOGS_TO_WRITE})"
        )
        for table, column in (("jobs", "cluster"), ("clusters", "id")):
            self._connection.executemany(f"DELETE FROM {table} WHERE {column} = ?", ((cluster,) for cluster in gone))
        if gone:
            self._connection.execute("DELETE FROM logs WHERE id NOT IN (SELECT log FROM clusters)")
            self._connection.execute("DELETE FROM outbox WHERE log NOT IN (SELECT id FROM logs)")

    # ---------------------------------------------------------------------------------------------------------- jobs

    def select(self, selection: JobSelection, statuses: Iterable[JobStatus]) -> list[SelectedJob]:
        """The selected jobs in some states, oldest first, with the id of their log."""
        query = (
            "SELECT jobs.cluster, proc, status, request, edits, hold_code, hold_subcode, hold_reason, exit_code, "
            "exit_signal, clusters.log AS log FROM clusters JOIN jobs ON jobs.cluster = clusters.id "
            f"WHERE uid = ? AND {_status_in(statuses)}"
        )
        if selection.jobs is None:
            return list(map(SelectedJob.of, self._rows(f"{query} ORDER BY jobs.cluster, proc", selection.uid)))
        rows: list[sqlite3.Row] = []
        for cluster, procs in sorted(selection.jobs.items()):
            if procs is None:
                rows += self._rows(f"{query} AND jobs.cluster = ? ORDER BY proc", selection.uid, cluster)
                continue
            wanted = sorted(set(procs))
            for start in range(0, len(wanted), _MOST_PROCS):
                some = wanted[start : start + _MOST_PROCS]
                places = ",".join("?" * len(some))
                rows += self._rows(
                    f"{query} AND jobs.cluster = ? AND proc IN ({places})", selection.uid, cluster, *some
                )
        return list(map(SelectedJob.of, rows))

    def set_jobs(self, jobs: Iterable[JobKey], columns: Mapping[str, Any]) -> None:
        """Give columns of some jobs new values; with a new state, it is noted when."""
        if "status" in columns:
            columns = {**columns, "entered": time.time()}
        names = ", ".join(f"{name} = ?" for name in columns)
        self._connection.executemany(
            f"UPDATE jobs SET {names} WHERE cluster = ? AND proc = ?", ((*columns.values(), *job) for job in jobs)
        )

    def set_started(self, job: JobKey, pid: int, pid_started: float) -> bool:
        """Note that an idle job runs. False: it is not idle any more, so it must not run."""
        cursor = self._connection.execute(
            "UPDATE jobs SET status = 2, pid = ?, pid_started = ?, exit_code = NULL, exit_signal = NULL, "
            "starts = starts + 1, entered = ? WHERE cluster = ? AND proc = ? AND status = 1",
            (pid, pid_started, time.time(), *job),
        )
        return cursor.rowcount == 1

    def job(self, job: JobKey) -> JobRow | None:
        return next(map(JobRow.of, self._rows("SELECT * FROM jobs WHERE cluster = ? AND proc = ?", *job)), None)

    def is_in(self, job: JobKey, statuses: Iterable[JobStatus]) -> bool:
        query = f"SELECT EXISTS (SELECT 1 FROM jobs WHERE cluster = ? AND proc = ? AND {_status_in(statuses)})"
        return bool(self._value(query, *job))

    def oldest_idle(self, limit: int, now: float) -> list[JobRow]:
        """Idle jobs that may start."""
        query = "SELECT * FROM jobs WHERE status = 1 AND ready <= ? ORDER BY cluster, proc LIMIT ?"
        rows = self._rows(query, now, limit)
        return list(map(JobRow.of, rows))

    def with_process(self) -> list[JobRow]:
        """Jobs that have a process, or had one when a supervisor was killed."""
        rows = self._rows(f"SELECT * FROM jobs WHERE {_status_in(WITH_PROCESS)} ORDER BY cluster, proc")
        return list(map(JobRow.of, rows))

    def running_by_uid(self) -> dict[str, int]:
        """How many jobs of each map hold a slot."""
        rows = self._rows(
            "SELECT uid, COUNT(*) AS jobs FROM clusters JOIN jobs ON jobs.cluster = clusters.id "
            f"WHERE {_status_in(WITH_PROCESS)} GROUP BY uid"
        )
        return {row["uid"]: row["jobs"] for row in rows}

    def with_periodic_policy(self) -> list[JobRow]:
        """Jobs in the queue whose clusters have policies that are to be looked at now and then."""
        rows = self._rows(
            f"SELECT * FROM jobs WHERE {_status_in(IN_QUEUE)} AND cluster IN (SELECT id FROM clusters WHERE periodic)"
        )
        return list(map(JobRow.of, rows))

    def requests(self) -> list[tuple[JobKey, Request]]:
        """Jobs of which something is asked."""
        rows = self._rows("SELECT cluster, proc, request FROM jobs WHERE request IS NOT NULL")
        return [((cluster, proc), Request(request)) for cluster, proc, request in rows]

    def has_work(self) -> bool:
        """Whether there is anything for a supervisor to do."""
        active = _status_in((JobStatus.IDLE, *WITH_PROCESS))
        if self._value(f"SELECT EXISTS (SELECT 1 FROM jobs WHERE {active})"):
            return True
        held = "SELECT 1 FROM jobs WHERE status = 5 AND cluster IN (SELECT id FROM clusters WHERE periodic)"
        return bool(self._value(f"SELECT EXISTS ({held})")) or bool(self.logs_to_write())

    # -------------------------------------------------------------------------------------------------- event outbox

    def post(self, log: int, text: str) -> None:
        """Leave text to be appended to a log (``outbox.deliver``)."""
        self._connection.execute("INSERT INTO outbox (log, text) VALUES (?, ?)", (log, text))

    def logs_to_write(self) -> list[int]:
        """Logs with undelivered text; those whose last delivery failed are left out until `retry_logs`."""
        return self._column(_LOGS_TO_WRITE)

    def log(self, log: int) -> LogRow | None:
        """The path and the recorded size of a log; None: it was forgotten."""
        return next(map(LogRow.of, self._rows("SELECT * FROM logs WHERE id = ?", log)), None)

    def undelivered(self, log: int, limit: int) -> list[Undelivered]:
        rows = self._rows("SELECT id, text FROM outbox WHERE log = ? ORDER BY id LIMIT ?", log, limit)
        return list(map(Undelivered.of, rows))

    def set_delivered(self, log: int, through: int, written: int) -> None:
        """Record that everything up to a row of the outbox is in the file, which has this size."""
        self._connection.execute("DELETE FROM outbox WHERE log = ? AND id <= ?", (log, through))
        self._connection.execute("UPDATE logs SET written = ?, error = NULL WHERE id = ?", (written, log))

    def set_log_error(self, log: int, error: str) -> None:
        self._connection.execute("UPDATE logs SET error = ? WHERE id = ?", (error, log))

    def log_errors(self) -> dict[int, str]:
        rows = self._rows("SELECT id, error FROM logs WHERE error IS NOT NULL")
        return {row["id"]: row["error"] for row in rows}

    def retry_logs(self) -> None:
        """Try the logs again that could not be written."""
        self._connection.execute("UPDATE logs SET error = NULL WHERE error IS NOT NULL")

    # ------------------------------------------------------------------------------------------------------- plumbing

    def _rows(self, query: str, *parameters: object) -> list[sqlite3.Row]:
        return self._connection.execute(query, parameters).fetchall()

    def _column(self, query: str) -> list[int]:
        return [row[0] for row in self._rows(query)]

    def _value(self, query: str, *parameters: object) -> Any:
        row = self._connection.execute(query, parameters).fetchone()
        return None if row is None else row[0]


def _status_in(statuses: Iterable[JobStatus]) -> str:
    return f"status IN ({','.join(str(status.value) for status in statuses)})"


def _is_same_file(then: Path, now: Path) -> bool:
    try:
        return (then / "queue.sqlite").samefile(now / "queue.sqlite")
    except OSError:
        return False


# From the version before: the columns that are new.
_FROM_1 = """
    ALTER TABLE clusters ADD COLUMN periodic INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE jobs ADD COLUMN request_code INTEGER NOT NULL DEFAULT 1;
    ALTER TABLE jobs ADD COLUMN request_subcode INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE jobs ADD COLUMN starts INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE jobs ADD COLUMN completions INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE jobs ADD COLUMN memory_mb INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE jobs ADD COLUMN disk_kb INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE jobs ADD COLUMN entered REAL NOT NULL DEFAULT 0;
    ALTER TABLE jobs ADD COLUMN ready REAL NOT NULL DEFAULT 0;
"""


def _make_or_check(connection: sqlite3.Connection, home: Path) -> None:
    """Make the tables if there are none yet, or bring those of the version before up to date.

    Raises
    ------
    BackendNotAvailable
        They are of another version.
    """
    if _version(connection) < _VERSION:
        # One at a time: SQLite does not wait while another process changes the journal.
        with (home / "queue.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            _make(connection, _version(connection))
    found = _version(connection)
    if found != _VERSION:
        raise BackendNotAvailable(
            f"The local queue in {home} has format {found}, but this HTMap knows only {_VERSION}. "
            "Use the HTMap that made it, or another HTMAP_DIR."
        )


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _make(connection: sqlite3.Connection, found: int) -> None:
    changes = {0: _TABLES, 1: _FROM_1}.get(found)
    if changes is not None:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.executescript(f"BEGIN IMMEDIATE; {changes} PRAGMA user_version = {_VERSION}; COMMIT;")
