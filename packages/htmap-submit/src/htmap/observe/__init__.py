"""Observing: from the event log, and the queue where the log is silent, to the status of every component."""
