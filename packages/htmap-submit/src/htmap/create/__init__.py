"""Writing: from a function and its inputs to jobs in the queue."""
