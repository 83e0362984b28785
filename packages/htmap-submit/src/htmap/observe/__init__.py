"""Reading: from the event log and the outputs to statuses, results and reports."""
