"""Ordering: the steps by which a map is made, submitted again, and removed, and what a kill leaves at each."""
