"""Every exception that HTMap raises.

::

    HTMapException
    ├── TimeoutError (builtins.TimeoutError)
    ├── MissingSetting (KeyError)
    ├── InvalidSetting (ValueError)          a settings file or value that cannot be used
    ├── InvalidOption (ValueError)           a map option that cannot be used
    │   ├── ReservedOptionKeyword
    │   ├── MisalignedInputData
    │   └── WrongType (TypeError)            an argument of a type that it cannot have
    ├── EmptyMap (ValueError)
    ├── InvalidTag (ValueError)
    │   └── RetagToInvalidTag (CannotRetagMap)
    ├── TagAlreadyExists
    │   └── RetagToUsedTag (CannotRetagMap)
    ├── TagNotFound (KeyError)               alias: MapIdNotFound
    ├── CannotRetagMap
    ├── NoSuchComponent (IndexError)
    │   └── RerunOfNoSuchComponent (CannotRerunComponents)
    ├── InputFileNotFound (FileNotFoundError)
    ├── CannotPickle (TypeError)             a function or an input that cannot be sent
    ├── CannotUnpickle                       a result or an input that cannot be made an object again here
    ├── NoMapYet
    ├── CannotAddToMap                       a MapBuilder whose map is made
    ├── MapWasRemoved
    ├── MapComponentError
    ├── MapComponentHeld
    ├── MapComponentRemoved
    ├── ExpectedError
    ├── OutputNotFound
    │   └── OutputNotReady (TimeoutError)    the component has not ended yet
    ├── InvalidOutputStatus
    ├── DamagedFile                          a file of ours that is cut short, garbled or foreign
    │   └── CorruptEventLog
    ├── CannotRerunComponents
    ├── CannotTransplantPython
    ├── UnknownPythonDeliveryMethod
    ├── MissingPackage (ImportError)         something more must be installed for that
    ├── StorageError (OSError)               HTMAP_DIR cannot be read or written
    └── BackendError                         the queue refused
        ├── BackendNotAvailable              ... or could not be reached
        └── InsufficientHTCondorVersion

An exception takes one message, written for the person who reads it: what happened, to which map or component, what
to do next. So all of them survive pickling.

Some are two of them at once: the reference has one, an earlier program may have caught the other.
"""

from __future__ import annotations

import builtins


class HTMapException(Exception):
    """Base exception for all htmap exceptions."""

    def __str__(self) -> str:
        # KeyError would show the repr of its argument, with quotes and escapes.
        return Exception.__str__(self) if len(self.args) != 1 else str(self.args[0])


class TimeoutError(HTMapException, builtins.TimeoutError):  # noqa: A001 - the reference's name
    """An operation has timed out because it took too long."""


class MissingSetting(HTMapException, KeyError):
    """The requested setting has not been set."""


class InvalidSetting(HTMapException, ValueError):
    """A setting, or the file that it should come from, cannot be used."""


class InvalidOption(HTMapException, ValueError):
    """A map option cannot be used as it was given."""


class ReservedOptionKeyword(InvalidOption):
    """The map option keyword you tried to use is reserved by HTMap for internal use."""


class MisalignedInputData(InvalidOption):
    """There is some kind of mismatch between the lengths of the function arguments and the variadic map options."""


class WrongType(InvalidOption, TypeError):
    """An argument is of a type that it cannot have."""


class EmptyMap(HTMapException, ValueError):
    """The map contains no inputs, so it wasn't created."""


class InvalidTag(HTMapException, ValueError):
    """The tag has an invalid character in it."""


class TagAlreadyExists(HTMapException):
    """The requested tag already exists (recover the Map, then either use or delete it)."""


class TagNotFound(HTMapException, KeyError):
    """The requested tag does not exist."""


MapIdNotFound = TagNotFound


class CannotRetagMap(HTMapException):
    """The map cannot be renamed right now."""


class RetagToInvalidTag(InvalidTag, CannotRetagMap):
    """The map cannot get a tag that cannot be one."""


class RetagToUsedTag(TagAlreadyExists, CannotRetagMap):
    """The map cannot get the tag of another map."""


class CannotPickle(HTMapException, TypeError):
    """The function or one of its inputs cannot be sent to an execute node."""


class InputFileNotFound(HTMapException, FileNotFoundError):
    """A file that was to be sent with a map is not there."""


class CannotUnpickle(HTMapException):
    """What a component left is whole, but cannot be made an object again on this machine."""


class NoSuchComponent(HTMapException, IndexError):
    """The map has no component with that index."""


class NoMapYet(HTMapException):
    """The `htmap.MapBuilder` does not have a `htmap.Map` yet because it is still inside the ``with`` block."""


class CannotAddToMap(HTMapException):
    """The `htmap.MapBuilder` has created its map already, so no inputs can be added to it."""


class MapWasRemoved(HTMapException):
    """The map has been removed, and can no longer be interacted with."""


class MapComponentError(HTMapException):
    """A map component experienced an error during remote execution."""


class MapComponentHeld(HTMapException):
    """A map component has been held by HTCondor."""


class MapComponentRemoved(HTMapException):
    """A map component was removed from the queue before it finished."""


class ExpectedError(HTMapException):
    """A map component that contained an OK result was unpacked as if it contained an error."""


class OutputNotFound(HTMapException):
    """The requested output file does not exist."""


class OutputNotReady(OutputNotFound, TimeoutError):
    """The requested output is not there yet: its component has not ended in the time that was given to it."""


class InvalidOutputStatus(HTMapException):
    """The output status of the map component was not recognized."""


class DamagedFile(HTMapException):
    """A file that HTMap wrote is cut short, garbled, or not a file of HTMap at all."""


class CorruptEventLog(DamagedFile):
    """HTMap doesn't understand what it's seeing in an event log."""


class CannotRerunComponents(HTMapException):
    """The given components cannot be rerun because they are currently active."""


class RerunOfNoSuchComponent(NoSuchComponent, CannotRerunComponents):
    """The map has no component with that index, so it cannot be rerun."""


class CannotTransplantPython(HTMapException):
    """The Python interpreter you are using cannot be transplanted."""


class UnknownPythonDeliveryMethod(HTMapException):
    """The specified Python delivery method has not been registered."""


class MissingPackage(HTMapException, ImportError):
    """Something more must be installed for what was asked for."""


class StorageError(HTMapException, OSError):
    """HTMAP_DIR cannot be read or written."""


class BackendError(HTMapException):
    """The queue of jobs refused what was asked."""


class BackendNotAvailable(BackendError):
    """The queue of jobs cannot be reached: nothing was asked of it."""


class InsufficientHTCondorVersion(BackendError):
    """The version of HTCondor is too low to use a feature."""
