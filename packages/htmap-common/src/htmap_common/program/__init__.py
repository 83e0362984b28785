"""The user's program on its way: classes and functions that no node can import, and objects of them.

::

    pickler ── definitions ──names──> calls ──answered by──> building
       │           what makes a class again                     │
       └── table: the things of the program, by number ─────────┘   (whose world: a node's, or a later program's)

A **thing** is a class, a function or a named value of a module that travels by value: ``__main__``, and those that
were given to ``cloudpickle.register_pickle_by_value``. The function file of a map defines each thing once; inputs and
results only say its number. So there is one of each in a process, and loading an object defines nothing.

This is the only part of htmap_common that pickles. The doors are ``htmap.pickling`` and ``htmap_exec.pickling``.
"""
