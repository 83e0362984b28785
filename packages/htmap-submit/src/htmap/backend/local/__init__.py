"""The queue of this machine: a little HTCondor for a laptop, or for trying a map before sending it out.

It knows executables, arguments, file lists, itemdata and logs. It does not know what a map is.

::

    client ──────────── queue (SQLite) ──────────── supervisor ── starter ── a job's process
    submit act edit       jobs, requests,            one a home     │             │
    query                 outbox                     (launch)       └── sandbox ──┘
      │                     │                          │               files in and out
      └─ language, job      └──── outbox ── eventlog ──┴─ ending, policy, recovery
         what is asked for        what has happened       what an end means
"""

from __future__ import annotations
