"""The configuration of a personal pool.

In: its folder, the programs that it runs, the Python of its nodes, how hurried it is. Out: a text in HTCondor's
configuration language.
"""

from __future__ import annotations

import os
import pwd
from pathlib import Path

from testbed import runtimes
from testbed.condor import Condor

NODE = "node"
"""Where the Python of the nodes lies, in the folder of the pool."""

_TEMPLATE = """\
# A personal pool of HTMap's tests; its nodes have {python}.
BIN = {condor.bin}
SBIN = {condor.sbin}
LIBEXEC = {condor.libexec}
LIB = {condor.lib}
RELEASE_DIR = {condor.sbin.parent}
LOCAL_DIR = {folder}
LOCAL_CONFIG_FILE =
LOCAL_CONFIG_DIR =
LOG = {folder}/log
SPOOL = {folder}/spool
EXECUTE = {folder}/execute
LOCK = {folder}/lock
RUN = {folder}/run
ETC = {folder}
SEC_PASSWORD_DIRECTORY = {folder}
SEC_TOKEN_SYSTEM_DIRECTORY = {folder}/tokens
SEC_TOKEN_DIRECTORY = {folder}/tokens

DAEMON_LIST = MASTER, COLLECTOR, NEGOTIATOR, SCHEDD, STARTD
CONDOR_HOST = 127.0.0.1
COLLECTOR_HOST = 127.0.0.1:0
COLLECTOR_ADDRESS_FILE = {folder}/collector_address
SHARED_PORT_PORT = 0
USE_SHARED_PORT = True
NETWORK_INTERFACE = 127.0.0.1
ENABLE_IPV6 = False

# The file system says who is who. A personal pool runs every job as its owner, so nobody else may submit one.
SEC_DEFAULT_AUTHENTICATION = REQUIRED
SEC_DEFAULT_AUTHENTICATION_METHODS = FS
SEC_CLIENT_AUTHENTICATION_METHODS = FS
# Bindings of 25.14 otherwise refuse a schedd of 23.9, which does not yet bind the challenge to its address.
SEC_FS_ENFORCE_CHANNEL_BINDING = False
# A second access point that a test starts is no child of the same master; one of 23.9 insists that it is.
SEC_USE_FAMILY_SESSION = False
ALLOW_READ = {owner}@*
ALLOW_WRITE = {owner}@*
ALLOW_DAEMON = {owner}@*
ALLOW_ADMINISTRATOR = {owner}@*
ALLOW_NEGOTIATOR = {owner}@*

NUM_SLOTS = 1
NUM_SLOTS_TYPE_1 = 1
SLOT_TYPE_1 = 100%
SLOT_TYPE_1_PARTITIONABLE = True
START = True
SUSPEND = False
CONTINUE = True
PREEMPT = False
KILL = False
WANT_SUSPEND = False
RUNBENCHMARKS = False
MAX_DEFAULT_LOG = 20 Mb

# Container runtimes of the machine itself are none of this pool's, unless they are offered below.
DOCKER =
SINGULARITY =

# Nodes have the Python that the tests run on, and no package of anybody's (see testbed.node_python).
STARTER_JOB_ENVIRONMENT = "PATH={folder}/{node}/bin:{folder}/bin:/usr/bin:/bin"

# Servers of tests have certificates of their own. HTCondor's plugin for https looks for their authorities here.
STARTD_ENVIRONMENT = "X509_CERT_DIR={folder}/certificates"
"""

_HURRIED = """
# Nothing here need outlive a power cut, and a test that writes gigabytes would keep the schedd waiting for the disk.
CONDOR_FSYNC = False

# More than there are: a small job spends its second (with 25.14 its six seconds) waiting for daemons, not computing.
NUM_CPUS = 32
MEMORY = 32768

# Periods in seconds, most of them minutes long by default.
UPDATE_INTERVAL = 3
POLLING_INTERVAL = 2
NEGOTIATOR_INTERVAL = 2
NEGOTIATOR_MIN_INTERVAL = 1
NEGOTIATOR_CYCLE_DELAY = 1
SCHEDD_INTERVAL = 2
SCHEDD_MIN_INTERVAL = 1
PERIODIC_EXPR_INTERVAL = 2
SHADOW_QUEUE_UPDATE_INTERVAL = 2
STARTER_UPDATE_INTERVAL = 2
STARTER_INITIAL_UPDATE_INTERVAL = 1
JOB_START_DELAY = 0
"""


def text(folder: Path, condor: Condor, python: Path, *, hurried: bool) -> str:
    """What CONDOR_CONFIG must name.

    Parameters
    ----------
    hurried
        With many slots and short periods, for tests. Else with those that HTCondor comes with.
    """
    owner = pwd.getpwuid(os.getuid()).pw_name
    personal = _TEMPLATE.format(folder=folder, condor=condor, node=NODE, python=python, owner=owner)
    return personal + runtimes.settings_text(folder) + (_HURRIED if hurried else "")
