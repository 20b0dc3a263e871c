"""A pickle read as inert values: what it would call is written down, and nothing is called.

A pickle is a program for a small stack machine, and unpickling runs it. Here the machine works
with stand-ins: a name instead of what is imported under it, a :class:`Made` instead of what a
call would give. No import, no constructor, no ``__setstate__`` of the file's choice takes place.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import IO, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray


class Name(NamedTuple):
    """What would be imported."""

    module: str
    name: str


@dataclass(eq=False)
class Made:
    """What would be made by a call.

    Attributes
    ----------
    by : Name
        What would be called; another stand-in, in a file of an odd kind.
    arguments : tuple
    state : Any
        What it would be given afterwards (``__setstate__``, or its attributes).
    items : list
        What it would be filled with, if it is a list or a dictionary of its own kind.
    """

    by: Any
    arguments: Any = ()
    state: Any = None
    items: list[Any] = field(default_factory=list)


class NotInert(ValueError):
    """A pickle of a kind that is not needed for vectors."""


_MARK = object()


class _Machine:
    """The stack machine of pickles, by the names that :mod:`pickletools` gives its steps."""

    def __init__(self) -> None:
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}

    def since_mark(self) -> list[Any]:
        """Take all off the stack that lies above the last mark, and the mark."""
        at = len(self.stack) - 1
        while self.stack[at] is not _MARK:
            at -= 1
        taken = self.stack[at + 1 :]
        del self.stack[at:]
        return taken

    def fold(self, size: int, make: Callable[..., Any]) -> None:
        """Replace the topmost ``size`` values by one."""
        taken = self.stack[len(self.stack) - size :]
        del self.stack[len(self.stack) - size :]
        self.stack.append(make(*taken))

    def fill(self, items: list[Any], *, pairs: bool) -> None:
        """Put items into the list, dictionary or set on top of the stack."""
        target = self.stack[-1]
        if isinstance(target, Made):
            target.items += items
        elif pairs:
            target.update(zip(items[::2], items[1::2], strict=True))
        elif isinstance(target, set):
            target.update(items)
        else:
            target.extend(items)

    def build(self) -> None:
        """Give the object on top of the stack its state."""
        state = self.stack.pop()
        if isinstance(self.stack[-1], Made):
            self.stack[-1].state = state

    def step(self, name: str, value: Any) -> None:
        """Do one step."""
        if name in _PUSHED:
            self.stack.append(value)
        elif name in _MADE:
            self.stack.append(_MADE[name]())
        elif name in _FOLDED:
            self.fold(*_FOLDED[name])
        elif name in _MARKED:
            self.stack.append(_MARKED[name](self.since_mark()))
        elif name in _STEPS:
            _STEPS[name](self, value)
        else:
            raise NotInert(f"it has the step {name}")


def _put(machine: _Machine, place: int | None) -> None:
    machine.memo[len(machine.memo) if place is None else place] = machine.stack[-1]


def _dictionary(items: list[Any]) -> dict[Any, Any]:
    return dict(zip(items[::2], items[1::2], strict=True))


_PUSHED = frozenset(
    "INT BININT BININT1 BININT2 LONG LONG1 LONG4 STRING BINSTRING SHORT_BINSTRING BINBYTES "
    "SHORT_BINBYTES BINBYTES8 BYTEARRAY8 UNICODE SHORT_BINUNICODE BINUNICODE BINUNICODE8 FLOAT "
    "BINFLOAT".split()
)
_MADE: dict[str, Callable[[], Any]] = {
    "NONE": lambda: None,
    "NEWTRUE": lambda: True,
    "NEWFALSE": lambda: False,
    "EMPTY_LIST": list,
    "EMPTY_DICT": dict,
    "EMPTY_SET": set,
    "EMPTY_TUPLE": tuple,
    "MARK": lambda: _MARK,
}
_FOLDED: dict[str, tuple[int, Callable[..., Any]]] = {
    "TUPLE1": (1, lambda *values: values),
    "TUPLE2": (2, lambda *values: values),
    "TUPLE3": (3, lambda *values: values),
    "STACK_GLOBAL": (2, Name),
    "REDUCE": (2, Made),
    "NEWOBJ": (2, Made),
    "NEWOBJ_EX": (3, lambda by, arguments, named: Made(by, (*arguments, named))),
}
_MARKED: dict[str, Callable[[list[Any]], Any]] = {
    "LIST": list,
    "TUPLE": tuple,
    "DICT": _dictionary,
    "FROZENSET": frozenset,
    "OBJ": lambda values: Made(values[0], tuple(values[1:])),
}
_STEPS: dict[str, Callable[[_Machine, Any], Any]] = {
    "PROTO": lambda machine, value: None,
    "FRAME": lambda machine, value: None,
    "STOP": lambda machine, value: None,
    "POP": lambda machine, value: machine.stack.pop(),
    "POP_MARK": lambda machine, value: machine.since_mark(),
    "DUP": lambda machine, value: machine.stack.append(machine.stack[-1]),
    "APPEND": lambda machine, value: machine.fill([machine.stack.pop()], pairs=False),
    "APPENDS": lambda machine, value: machine.fill(machine.since_mark(), pairs=False),
    "ADDITEMS": lambda machine, value: machine.fill(machine.since_mark(), pairs=False),
    "SETITEMS": lambda machine, value: machine.fill(machine.since_mark(), pairs=True),
    "SETITEM": lambda machine, value: machine.fill(
        [machine.stack.pop(), machine.stack.pop()][::-1], pairs=True
    ),
    "BUILD": lambda machine, value: machine.build(),
    "GLOBAL": lambda machine, value: machine.stack.append(Name(*value.split(" ", 1))),
    "INST": lambda machine, value: machine.stack.append(
        Made(Name(*value.split(" ", 1)), tuple(machine.since_mark()))
    ),
    "MEMOIZE": _put,
    "PUT": _put,
    "BINPUT": _put,
    "LONG_BINPUT": _put,
    "GET": lambda machine, value: machine.stack.append(machine.memo[value]),
    "BINGET": lambda machine, value: machine.stack.append(machine.memo[value]),
    "LONG_BINGET": lambda machine, value: machine.stack.append(machine.memo[value]),
}


def inert(file: IO[bytes]) -> Any:
    """What a pickle holds, with stand-ins for everything that is not a plain value.

    Parameters
    ----------
    file : binary file

    Raises
    ------
    NotInert
        If the file is no whole pickle, or one of a kind that is not needed here.

    Examples
    --------
    >>> import io
    >>> inert(io.BytesIO(b"cos\\nsystem\\n(S'rm -r /'\\ntR."))
    Made(by=Name(module='os', name='system'), arguments=('rm -r /',), state=None, items=[])
    """
    from pickletools import genops

    machine = _Machine()
    try:
        for step, value, _ in genops(file):
            machine.step(step.name, value)
        (root,) = machine.stack
    except NotInert:
        raise
    except (ValueError, IndexError, KeyError, TypeError, AttributeError, OverflowError) as error:
        raise NotInert(str(error)) from error
    return root


def array_of(value: Any) -> NDArray[Any] | None:
    """The array of numbers that a stand-in describes; None if it describes something else.

    Raises
    ------
    NotInert
        If it is an array of something else than numbers, or not whole.
    """
    if not isinstance(value, Made) or not isinstance(value.by, Name):
        return None
    try:
        if value.by.name == "_reconstruct" and isinstance(value.state, tuple):
            _, shape, kind, fortran, raw = value.state
        elif value.by.name == "_frombuffer":
            raw, kind, shape, order = value.arguments
            fortran = order == "F"
        else:
            return None
        raw = raw.encode("latin-1") if isinstance(raw, str) else _bytes_of(raw)
        flat = np.frombuffer(raw, _dtype_of(kind))
        return flat.reshape(shape, order="F" if fortran else "C")
    except (ValueError, TypeError, AttributeError) as error:
        raise NotInert(f"an array in it is not whole ({error})") from error


def _bytes_of(value: Any) -> Any:
    """Bytes, also as Python 3 wrote them for Python 2."""
    if isinstance(value, Made) and value.by == Name("_codecs", "encode"):
        return str(value.arguments[0]).encode("latin-1")
    return value


def _dtype_of(kind: Any) -> np.dtype[Any]:
    name, order = str(kind.arguments[0]), str(kind.state[1])
    if name[:1] not in ("f", "i", "u"):
        raise NotInert(f"an array in it is of type {name}, not of numbers")
    return np.dtype(f"{order if order in '<>' else '='}{name}")
