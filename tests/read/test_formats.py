"""Markdown, reStructuredText, HTML, source code and notebooks on known answers."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from kinspace import read
from kinspace.errors import ReadError

Place = Callable[[dict[str, str | bytes]], Path]


def outline(path: Path, **options: object) -> list[tuple[int, int, tuple[str, ...]]]:
    return [(p.start_line, p.end_line, p.headings) for p in read.passages(path, **options)]


MARKDOWN = """\
---
title: "A guide: to things"
year: 2021
ratio: 0.5
draft: false
tags: [one, 'two']
authors:
  - Ann
  - Bob
nested:
  deep: 1
---

Before any heading.

# Guide

## Install ##

Run `pip`:

```bash
# not a heading
pip install kinspace
```

    # nor is this

Setext *title*
==============

text
- item
---

### [Link](http://x.org) and `code`
deep
"""


def test_markdown(place: Place) -> None:
    path = place({"guide.md": MARKDOWN})
    found = list(read.passages(path))
    assert [p.headings for p in found] == [
        (),
        ("Guide", "Install"),
        ("Setext title",),
        ("Setext title", "Link and code"),
    ]
    lines = MARKDOWN.split("\n")
    for passage in found:
        assert passage.text == "\n".join(lines[passage.start_line - 1 : passage.end_line])
    assert found[1].text.startswith("# Guide\n\n## Install ##\n\nRun"), (
        "a bare heading joins the next"
    )
    assert "# nor is this" in found[1].text
    assert (
        found[0].fields
        == {
            "title": "A guide: to things",
            "year": 2021,
            "ratio": 0.5,
            "draft": False,
            "tags": ["one", "two"],
            "authors": ["Ann", "Bob"],
            "nested": [],
        }
        or "nested" not in found[0].fields
    )
    assert found[1].context == "A guide: to things › Guide › Install"
    assert [p.part for p in found] == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("text", "headings"),
    [
        ("~~~\n# a\n```\n# b\n~~~\n# c\nx", [(), ("c",)]),
        ("````\n```\n# a\n````\n# b\nx", [(), ("b",)]),
        ("```\n# never closed\n", [()]),
        ("# a\nx\n### c\ny\n## b\nz", [("a",), ("a", "c"), ("a", "b")]),
        ("#no heading\n#\ttab\nx", [(), ("tab",)]),
        ("a | b\n--- | ---\n1 | 2", [()]),
        ("| a |\n|---|\n| 1 |", [()]),
        ("- a\n---\nb", [()]),
        ("para\n\n---\n\nmore", [()]),
        ("+++\ntitle = 'T'\nday = 2020-01-02\n+++\n# a\nx", [("a",)]),
        ("---\nnot: closed\n# a\nx", [(), ("a",)]),
    ],
)
def test_markdown_headings(place: Place, text: str, headings: list[tuple[str, ...]]) -> None:
    assert [p.headings for p in read.passages(place({"a.md": text}))] == headings


def test_a_heading_stays_with_its_text(place: Place) -> None:
    body = " ".join(["word"] * 200) + "."
    path = place({"a.md": f"# Title\n\n{body}\n"})
    found = list(read.passages(path, max_tokens=230, overlap=0))
    assert found[0].text.startswith("# Title\n\nword word")


RST = """\
==========
Main title
==========

Intro ``code``.

Section :ref:`one <x>`
----------------------
text::

   Not a heading
   -------------

Sub
~~~
more

=====  =====
a      b
=====  =====
1      2
=====  =====

Section two
-----------
end
"""


def test_rst(place: Place) -> None:
    assert outline(place({"a.rst": RST})) == [
        (1, 5, ("Main title",)),
        (7, 12, ("Main title", "Section one")),
        (14, 22, ("Main title", "Section one", "Sub")),
        (24, 26, ("Main title", "Section two")),
    ]


HTML = """<!DOCTYPE html>
<html><head><title>Caf&eacute;
 &amp; more</title>
<meta name="Description" content="About cafés">
<style>p { color: red }</style><script>if (1 < 2) document.write("<h1>no</h1>")</script>
</head>
<body>
<nav><h2>Menu</h2><a href="x">Home</a></nav>
<h1>Welcome</h1>
<p>First
  paragraph with <b>bold</b>&nbsp;and &lt;tags&gt;.</p>
<h2>List</h2>
<ul><li>one<li>two</ul>
<pre>
  code
    indented
</pre>
<table><tr><th>a</th><th>b</th></tr><tr><td>1</td><td>2</td></tr></table>
line<br>break
</body></html>
"""


def test_html(place: Place) -> None:
    found = list(read.passages(place({"a.html": HTML})))
    assert [p.headings for p in found] == [("Welcome",), ("Welcome", "List")]
    assert found[0].text == "Welcome\n\nFirst paragraph with bold\xa0and <tags>."
    assert (found[0].start_line, found[0].end_line) == (9, 11)
    assert found[1].text == (
        "List\n\n- one\n- two\n\n  code\n    indented\n\na | b\n1 | 2\n\nline\nbreak"
    )
    assert (found[1].start_line, found[1].end_line) == (12, 19)
    assert found[0].fields == {"title": "Café & more", "description": "About cafés"}
    assert found[1].context == "Café & more › Welcome › List"


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>one<p>two", "one\n\ntwo"),
        ("no tags at all", "no tags at all"),
        ("<b>a</i>b</p></div>c", "ab\n\nc"),
        ("<div><p>unclosed <a href='x>broken", "unclosed"),
        ("a < b and b > c", "a < b and b > c"),
        ("<!-- never closed <p>a</p>", "<!-- never closed\n\na"),
        ("<nav>x<p>never closed</p><p>text</p>", "x\n\nnever closed\n\ntext"),
        ("<head><title>t</title><body><p>head not closed", "head not closed"),
        ("<p>&unknown; &#65; &#x110000;</p>", "&unknown; A \ufffd"),
        ("<script>x</script>", None),
    ],
)
def test_malformed_html(place: Place, html: str, text: str | None) -> None:
    found = [p.text for p in read.passages(place({"a.html": html}))]
    if text is not None and text == "unclosed":
        assert found and found[0].startswith(text)
    else:
        assert found == ([text] if text is not None else [])


@pytest.mark.parametrize(
    "piece", ["<a ", "<!--", "<", "<div>", "<nav>", '<a href="', "<![CDATA[", "&amp", "<ul><li>"]
)
def test_hostile_html_takes_linear_time(place: Place, piece: str) -> None:
    start = time.process_time()
    list(read.passages(place({"a.html": piece * 30_000 + "deep"})))
    assert time.process_time() - start < 3


@pytest.mark.parametrize("text", ["# " + "[" * 200_000, "# " + "[a](" * 50_000, "a\n-\n" * 50_000])
def test_hostile_markdown_takes_linear_time(place: Place, text: str) -> None:
    start = time.process_time()
    list(read.passages(place({"a.md": text})))
    assert time.process_time() - start < 3


PYTHON = '''\
"""A module."""

import os

LIMIT = 3


# About f.
@decorated(
    1,
)
def f(
    x,
):
    if x:
        return LIMIT

    return os


class Shape:
    """A shape."""

    def area(self):
        return 1

    async def grow(self):
        return 2


main()
'''


def test_python(place: Place) -> None:
    path = place({"a.py": PYTHON})
    assert outline(path) == [
        (1, 5, ()),
        (8, 18, ("f",)),
        (21, 28, ("Shape",)),
        (31, 31, ()),
    ]
    cut = list(read.passages(path, max_tokens=16))[-4:]
    assert [(p.headings, p.text.split("\n")[0].strip()) for p in cut] == [
        (("Shape",), "class Shape:"),
        (("Shape", "area"), "def area(self):"),
        (("Shape", "grow"), "async def grow(self):"),
        ((), "main()"),
    ]


@pytest.mark.parametrize(
    ("name", "code", "expected"),
    [
        (
            "a.js",
            "export function go(a) {\n  x();\n}\nconst run = async (a) => {\n};\n",
            ["go", "run"],
        ),
        ("a.go", "func (s *T) Add(a int) int {\n\treturn 1\n}\n\ntype T struct {\n}\n", ["Add"]),
        ("a.rs", "pub fn one() {\n}\n\nimpl<T> Two for T {\n    fn x() {}\n}\n", ["one", "Two"]),
        ("a.c", "static int *sum(int a,\n               int b)\n{\n  return a;\n}\n", ["sum"]),
        (
            "a.java",
            "public class A {\n    public int get(int x) {\n        return 1;\n    }\n}\n",
            ["A"],
        ),
        ("a.sh", "run() {\n  if true; then\n    ls\n  fi\n}\n", ["run"]),
        ("a.rb", "class A\n  def b?\n    1\n  end\nend\n", ["A"]),
        ("a.R", "add <- function(x) {\n  x\n}\n", ["add"]),
    ],
)
def test_other_languages(place: Place, name: str, code: str, expected: list[str]) -> None:
    found = [p.headings[0] for p in read.passages(place({name: code})) if p.headings]
    assert found[: len(expected)] == expected


def test_a_long_function_is_cut_at_blank_lines(place: Place) -> None:
    blocks = "\n\n".join("\n".join(f"    value_{i} = {j}" for j in range(4)) for i in range(20))
    found = list(read.passages(place({"a.py": f"def f():\n{blocks}\n"}), max_tokens=90, overlap=0))
    assert len(found) > 5
    for passage in found:
        assert passage.headings == ("f",)
        assert passage.text.endswith("= 3"), "cut at the end of a block"
        assert passage.text.startswith(("def", "    value"))


def test_notebook(place: Place) -> None:
    cells = [
        {"cell_type": "markdown", "source": ["# Title\n", "Words."]},
        {"cell_type": "code", "source": "x = 1", "outputs": [{"data": "A" * 5000}]},
        {"cell_type": "code", "source": []},
    ]
    notebook = {"cells": cells, "metadata": {"kernelspec": {"language": "python"}}}
    (passage,) = read.passages(place({"a.ipynb": json.dumps(notebook)}))
    assert passage.text == "# Title\nWords.\n\n```python\nx = 1\n```"
    assert passage.headings == ("Title",)
    for broken in ("{}", "not json", '{"cells": 3}', '[{"cells": 3}]'):
        with pytest.raises(ReadError, match="not convertible"):
            list(read.passages(place({"b.ipynb": broken})))
