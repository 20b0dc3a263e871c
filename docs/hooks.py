"""mkdocs hook: the reference is made from the code, a page for each room, nothing written by hand.

mkdocs calls these functions by their names; see `hooks` in mkdocs.yml.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

SRC = Path(__file__).parent.parent / "src"
ROLE = re.compile(r":(?:attr|class|data|func|meth|mod):<code>~?([^<]*)</code>")


def rooms() -> dict[str, list[str]]:
    """The public modules of the package, by page: the nouns each alone, the rest by room."""
    found: dict[str, list[str]] = {}
    for path in sorted((SRC / "kinspace").rglob("*.py")):
        parts = path.relative_to(SRC).with_suffix("").parts
        parts = parts[:-1] if parts[-1] == "__init__" else parts
        if len(parts) > 1 and not any(part.startswith("_") for part in parts):
            found.setdefault(parts[1], []).append(".".join(parts))
    return found


def on_config(config: Any) -> Any:
    """Add the pages to the navigation, below the command line."""
    for section in config["nav"]:
        if "Reference" in section:
            pages = [{f"kinspace.{room}": f"reference/kinspace-{room}.md"} for room in rooms()]
            section["Reference"] = [*section["Reference"], *pages]
    return config


def on_files(files: Files, config: Any) -> Files:
    """Add the pages themselves, which exist only while the site is built."""
    for room, modules in rooms().items():
        text = f"# kinspace.{room}\n\n" + "\n".join(f"::: {module}\n" for module in modules)
        files.append(File.generated(config, f"reference/kinspace-{room}.md", content=text))
    return files


def on_page_content(html: str, **_: Any) -> str:
    """Show Sphinx's roles in docstrings as plain code."""
    return ROLE.sub(r"<code>\1</code>", html)
