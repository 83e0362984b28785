"""What HTMap's tests need and a machine may lack: HTCondor, a pool of it, other Pythons.

In: Debian's package archive, as this machine's own apt knows it. Out: programs in the cache folder
of the user, and a personal pool that lives no longer than who asked for it.
Nothing of the system is changed, no right of root is needed (but for docker), and only the standard library is
imported: this runs before any virtual environment exists.

    cache     -> one folder a thing, made once, by one process
    debian    -> packages of one suite, unpacked into a relocated prefix
    condor, pythons, apptainer -> find on PATH, else make a prefix
    docker    -> a prefix, and a running daemon: the one thing here that needs root
    root_filesystem -> what images are made of
    pool      -> a running personal pool, with its configuration, and the runtimes that it offers
    node_python -> the Python that its jobs find
    guard     -> the process that ends a pool or a docker, whatever happens
    ordinary_user -> leave root behind
"""
