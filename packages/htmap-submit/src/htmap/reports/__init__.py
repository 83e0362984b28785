"""Tables, JSON and CSV. In: plain values. Out: text. No I/O, no map is touched here."""
