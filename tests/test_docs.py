"""The documentation cannot rot: its examples run, its reference is current, its links hold."""

from __future__ import annotations

import json
import os
import re
import runpy
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.source import ROOT

README = ROOT / "README.md"
PAGES = [README, *sorted((ROOT / "docs").rglob("*.md"))]
FIRST = 'pip install . && kinspace search "how are two models kept apart?" docs'
SECOND = 'pip install -c constraints.txt -e ".[test]" && pytest'
SCRIPTS = Path(sys.executable).parent

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))


def blocks(page: Path, language: str) -> list[str]:
    """The code blocks of a page in one language, in order."""
    fence = rf"^```{language}\n(.*?)^```$"
    return re.findall(fence, page.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to run examples in, with the documentation beside them as in a clone."""
    shutil.copytree(ROOT / "docs", tmp_path / "docs", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(README, tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", f"{SCRIPTS}{os.pathsep}{os.environ['PATH']}")
    return tmp_path


def shell(command: str) -> str:
    """Run a command as a reader would, in bash; its output, or a failure that shows it."""
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", command], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@each_page
def test_python_examples_run_in_order(page: Path, desk: Path) -> None:
    names: dict[str, Any] = {"__name__": "__example__"}
    for number, block in enumerate(blocks(page, "python")):
        exec(compile(block, f"{page.name}[{number}]", "exec"), names)


@each_page
def test_shell_examples_run_in_order(page: Path, desk: Path) -> None:
    for block in blocks(page, "bash"):
        if "pip install" not in block:
            shell(block)


@each_page
def test_code_blocks_name_a_language_that_is_known(page: Path) -> None:
    fences = re.findall(r"^```(.*)$", page.read_text("utf-8"), flags=re.MULTILINE)
    assert set(fences[::2]) <= {"bash", "python", "text"}
    assert set(fences[1::2]) <= {""}


def test_the_readme_has_the_two_commands() -> None:
    installs = [block.strip() for block in blocks(README, "bash") if "pip install" in block]
    assert installs == [FIRST, SECOND]
    text = README.read_text("utf-8")
    assert text.count(FIRST) == text.count(SECOND) == 1


def test_links_in_the_readme_lead_somewhere() -> None:
    for page in (README, ROOT / "CONTRIBUTING.md"):
        for target in re.findall(r"\]\(([^)#]+)", page.read_text("utf-8")):
            assert target.startswith("https://") or (ROOT / target).exists(), target


def test_the_first_command_answers_its_own_question(desk: Path) -> None:
    found = json.loads(shell(FIRST.split("&& ")[1] + " --json"))
    hits = found["hits"] if isinstance(found, dict) else found
    assert "spaces.md" in json.dumps(hits[0])
    assert "fingerprint" in json.dumps(hits[0])


def test_every_page_is_in_the_navigation() -> None:
    settings = yaml.safe_load((ROOT / "mkdocs.yml").read_text("utf-8"))
    named = set(re.findall(r"[\w/-]+\.md", json.dumps(settings["nav"])))
    assert named == {str(p.relative_to(ROOT / "docs")) for p in PAGES if p != README}


def test_every_error_is_explained() -> None:
    from kinspace import errors

    page = (ROOT / "docs/how-to/errors.md").read_text("utf-8")
    for name in vars(errors):
        if isinstance(getattr(errors, name), type):
            assert f"`{name}`" in page


def test_the_reference_of_the_command_line_is_current() -> None:
    generate = runpy.run_path(str(ROOT / "docs" / "generate.py"))
    written = (ROOT / "docs/reference/cli.md").read_text("utf-8")
    for command in generate["commands"]():
        assert f"## kinspace {command}\n" in written, f"undocumented: {command}"
    assert written == generate["page"](), "stale: run python docs/generate.py"


def test_the_catalogue_of_methods_is_current() -> None:
    generate = runpy.run_path(str(ROOT / "docs" / "generate.py"))
    written = (ROOT / "docs" / "reference" / "methods.md").read_text("utf-8")
    assert written == generate["methods_page"](), "stale: run python docs/generate.py"
