"""The front door: what `import kinspace` offers, and how little it loads."""

from __future__ import annotations

import subprocess
import sys

import pytest

import kinspace

HEAVY = [
    "faiss",
    "numba",
    "rich",
    "safetensors",
    "scipy",
    "sklearn",
    "tantivy",
    "tokenizers",
    "torch",
    "transformers",
    "typer",
]


def loaded_by(statement: str) -> set[str]:
    """The heavy packages that a new Python has loaded after a statement."""
    code = f"import sys; {statement}; print(*sys.modules)"
    names = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    return set(HEAVY) & set(names)


def test_all_is_sorted_and_complete() -> None:
    # As ruff sorts: names in capitals, classes, then the rest.
    order = sorted(kinspace.__all__, key=lambda n: (not n.isupper(), not n[0].isupper(), n))
    assert list(kinspace.__all__) == order
    assert set(kinspace.__all__) == {*kinspace._HOMES, *kinspace._ROOMS, "__version__"}
    assert dir(kinspace) == sorted(kinspace.__all__)


@pytest.mark.parametrize("name", kinspace.__all__)
def test_every_name_resolves(name: str) -> None:
    value = getattr(kinspace, name)
    assert value is not None
    assert getattr(kinspace, name) is value


@pytest.mark.parametrize("name", sorted(set(kinspace.__all__) - {"__version__"}))
def test_every_name_is_explained(name: str) -> None:
    assert (getattr(kinspace, name).__doc__ or "").strip()


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'Colection'"):
        _ = kinspace.Colection


def test_importing_loads_nothing_heavy() -> None:
    assert loaded_by("import kinspace") == set()


def test_the_command_line_starts_light() -> None:
    assert loaded_by("import kinspace.cli") <= {"rich", "typer"}
