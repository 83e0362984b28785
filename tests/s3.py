"""An S3 server on the loopback interface, for tests of transfers: rclone's, which refuses what is not signed rightly.

In: requests, signed with the one pair of keys that it knows. Out: its buckets, which are folders.
On the other side: HTCondor, which makes signed URLs of https of those of s3, and its plugin, which must trust the
certificate of the server.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
import secrets
import sysconfig
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import trustme
from cryptography import x509

from testbed import guard

KEY_ID, SECRET_KEY = "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"  # those of Amazon's manual

_START_TIMEOUT_S = 60.0
_RCLONE = Path(sysconfig.get_path("scripts"), "rclone")


@dataclass(frozen=True)
class Store:
    """A server that runs.

    Parameters
    ----------
    location
        Host and port. HTCondor takes a host with a dot in its name for that of a server of one's own, and leaves the
        bucket in the path.
    buckets
        The folder that holds the buckets.
    """

    location: str
    buckets: Path


@contextlib.contextmanager
def running(trusted: Path) -> Iterator[Store]:
    """A server for the time of a ``with`` block, or of this process if that is shorter.

    Parameters
    ----------
    trusted
        The folder of the certificates that the plugin trusts.
    """
    folder = Path(tempfile.mkdtemp(prefix="htmap-s3-"))
    authority = trustme.CA(organization_name="htmap tests", organization_unit_name=secrets.token_hex(8))
    certificate = trusted / f"{_hash_of_name(authority)}.0"
    server = folder / "server.pem"
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(str(server))
    (folder / "buckets").mkdir()
    serve: list[str | Path] = [_RCLONE, "serve", "s3", folder / "buckets", "--addr", "127.0.0.1:0"]
    serve += ["--auth-key", f"{KEY_ID},{SECRET_KEY}", "--cert", server, "--key", server]
    serve += ["--config", "", "--cache-dir", folder / "cache"]  # so it reads and leaves nothing in the home of the user
    try:
        authority.cert_pem.write_to_path(str(certificate))
        guard.start(folder, serve)
        yield Store(_location(folder), folder / "buckets")
    finally:
        certificate.unlink(missing_ok=True)
        guard.stop(folder)


def _location(folder: Path) -> str:
    """Where the server listens, which it says when it does."""
    deadline = time.monotonic() + _START_TIMEOUT_S
    while not (found := re.search(r"https://(127\.0\.0\.1:\d+)/", guard.log_tail(folder))):
        assert time.monotonic() < deadline, guard.log_tail(folder)
        time.sleep(0.05)
    return found[1]


def _hash_of_name(authority: trustme.CA) -> str:
    """What OpenSSL looks for in a folder of certificates: a digest of the name in a canonical form.

    A name of lower case letters and single blanks has this form already, after the two bytes that say how long it is.
    """
    name = x509.load_pem_x509_certificate(authority.cert_pem.bytes()).subject.public_bytes()[2:]
    return hashlib.sha1(name, usedforsecurity=False).digest()[3::-1].hex()
