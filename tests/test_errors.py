"""Every error has its place in the tree, its remedy, and survives a trip between processes."""

from __future__ import annotations

import copy
import inspect

import pytest

from kinspace import errors
from kinspace.errors import KinspaceError, MissingExtra

ALL = [c for _, c in inspect.getmembers(errors, inspect.isclass) if c.__module__ == errors.__name__]


@pytest.mark.parametrize("error", ALL)
def test_is_a_kinspace_error_and_stands_in_the_tree(error: type[KinspaceError]) -> None:
    assert issubclass(error, KinspaceError)
    assert error.__name__ in (errors.__doc__ or "").split()


def test_the_tree_names_nothing_else() -> None:
    lines = (errors.__doc__ or "").split("KinspaceError\n")[1].split("\n\n")[0].splitlines()
    named = [line.strip("├└│─ ").split()[0] for line in lines]
    assert sorted(named) == sorted(c.__name__ for c in ALL if c is not KinspaceError)


@pytest.mark.parametrize("error", [c for c in ALL if c is not MissingExtra])
def test_message_and_remedy(error: type[KinspaceError]) -> None:
    raised = error("The cup is empty.", "Fill it.")
    assert (raised.message, raised.remedy) == ("The cup is empty.", "Fill it.")
    assert str(raised) == "The cup is empty. Fill it."
    assert str(error("The cup is empty.")) == "The cup is empty."


@pytest.mark.parametrize("error", [c for c in ALL if c is not MissingExtra])
def test_a_copy_says_the_same(error: type[KinspaceError]) -> None:
    twin = copy.copy(error("The cup is empty.", "Fill it."))
    assert (twin.message, twin.remedy) == ("The cup is empty.", "Fill it.")


def test_missing_extra_names_the_command() -> None:
    raised = MissingExtra("Reading PDF", "documents")
    assert 'pip install "kinspace[documents]"' in raised.remedy
    assert raised.extra == "documents"
    assert str(copy.copy(raised)) == str(raised)
    assert isinstance(raised, ImportError)


def test_python_callers_may_catch_the_usual_classes() -> None:
    assert issubclass(errors.InvalidInput, ValueError)
    assert issubclass(errors.SpaceMismatch, ValueError)
    assert issubclass(errors.NotFound, LookupError)
