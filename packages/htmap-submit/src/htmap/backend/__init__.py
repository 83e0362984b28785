"""Door 1: the queues that HTMap can submit to."""
