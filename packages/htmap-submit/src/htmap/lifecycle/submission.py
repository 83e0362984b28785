"""Write down a submission, and hand it to a backend."""

from __future__ import annotations

from htmap.backend.protocol import Backend
from htmap.store.atomic import make_private_directory, write_file
from htmap.store.mapdir import PER_FOLDER, MapDir, SubmissionDir, folder_of
from htmap.store.records import SubmissionRecord


def write_submission(directory: SubmissionDir, description: str, record: SubmissionRecord) -> None:
    """Write what a submission consists of, but for its items: folders for what comes back, submit text, record."""
    for job in range(0, record.jobs, PER_FOLDER):
        make_private_directory(directory.outputs / folder_of(job))
        make_private_directory(directory.logs / folder_of(job))
    write_file(directory.submit, [description.encode()])
    record.save(directory.submission)


def submit(backend: Backend, map_dir: MapDir, number: int) -> int:
    """Hand a submission to the backend and record the cluster it became.

    Killed in between, the record lacks its cluster; the jobs are found by the uid they carry, or by the notes of their
    submit events.
    """
    directory = map_dir.submission(number)
    record = SubmissionRecord.load(directory.submission)
    cluster = backend.submit(directory.submit, record.uid or map_dir.uid)
    record.with_cluster(cluster).save(directory.submission)
    return cluster
