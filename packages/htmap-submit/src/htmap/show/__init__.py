"""Plain values as text, bars and HTML. No file is opened and no map is touched here."""
