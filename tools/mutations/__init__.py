"""Feed every reader of HTMap's files with files that have gone wrong, by accident and on purpose.

In: sound files of each kind, made by a real map. Out: a count of what became of a number of mutations of them, and for
each that a reader did not bear, how to see it again. On the other side: whoever looks at the count; a thousandth of it
is run by the tests.

::

    samples    a real map on the local backend  -> one sound file of each kind
    changes    a sound file, a number           -> a file that has gone wrong, the same for the same number
    kinds      a file                           -> whatever its readers give, or raise
    through    a map directory                  -> the same, by the public API
"""
