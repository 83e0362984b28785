"""The command ``htmap``.

In: words, standard input. Out: text, JSON or CSV, and an exit code (`htmap.cli.exits`). Each command is a module's
function, imported when it is called; `htmap.cli.app` knows which there are.
"""
