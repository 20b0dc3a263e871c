"""Reports for people: all figures are there, no text is markup, no page needs a network."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from itertools import pairwise

import numpy as np
import pytest

from kinspace.evaluate.costs import Costs
from kinspace.evaluate.estimate import Estimate, Sample
from kinspace.evaluate.report import Report
from kinspace.evaluate.reports import html, markdown, terminal
from kinspace.evaluate.reports.figures import half_width, number, probability, signed
from kinspace.evaluate.results import Failed, Result, Skipped
from kinspace.evaluate.task import Outcome
from tests.evaluate.fakes import made

HOSTILE = '<script>alert("1")</script>|`*&_[x](y)'
RNG = np.random.default_rng(3)
BASE = RNG.random(60) / 2
COSTS = Costs(
    12.5, texts=5183, text_seconds=2.0, query_ms=1.25, query_ms_95=3.0, peak_bytes=250_000_000,
    start_bytes=100_000_000, vector_bytes=1536, index_bytes=5183 * 1536, documents=5183, price=0.5,
)  # fmt: skip
REPORT = made(
    {
        ("scifact", "good"): BASE + 0.4,
        ("scifact", "bad"): BASE,
        ("scifact", "near"): BASE + 0.39 + 0.02 * RNG.random(60),
        ("cran", "good"): BASE,
        ("cran", "bad"): BASE + 0.1,
        ("cran", "near"): BASE,
    },
    texts={f"q{i}": f"what of {HOSTILE} {i}" for i in range(60)},
    notes=[f"a note on {HOSTILE}"],
    costs=COSTS,
    skipped=[Skipped("stsb", "good", f"good gives no vectors, which stsb needs {HOSTILE}.")],
    failed=[Failed("trec", "bad", "RuntimeError", f"out of memory {HOSTILE}", "Take less.")],
)
WEIRD = made({(HOSTILE, HOSTILE): [0.1, 0.9], (HOSTILE, "other"): [0.2, 0.2]})
ONE = made({("t", "alone"): [0.25, 0.75]})
NOTHING = made({}, failed=[Failed("t", "a", "OSError", "gone")])

VOID = {"meta", "link", "br", "img", "input", "hr"}


class Page(HTMLParser):
    """A page taken apart: tags, attributes, texts; unbalanced tags are an error."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.texts: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style":
            self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())

    def count(self, tag: str) -> int:
        return sum(name == tag for name, _ in self.tags)


@pytest.fixture(params=[REPORT, WEIRD, ONE, NOTHING], ids=["whole", "hostile", "one", "nothing"])
def report(request: pytest.FixtureRequest) -> Report:
    found: Report = request.param
    return found


def test_a_page_is_well_formed(report: Report) -> None:
    page = Page(html.page(report))
    assert page.count("h1") == page.count("main") == page.count("title") == 1
    levels = [int(tag[1]) for tag, _ in page.tags if re.fullmatch(r"h\d", tag)]
    assert all(b <= a + 1 for a, b in pairwise(levels))
    assert ("html", {"lang": "en"}) in page.tags
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    tables = page.count("table")
    assert page.count("caption") == tables
    for tag, attributes in page.tags:
        if tag == "svg":
            assert "viewbox" in attributes
            assert attributes.get("aria-label") or attributes.get("aria-hidden") == "true"
        if tag == "th":
            assert attributes["scope"] in ("row", "col")
        if tag == "td" and attributes.get("class") != "text":
            assert attributes["data-label"]  # what it says where tables turn into cards


def test_a_page_needs_nothing_from_elsewhere(report: Report) -> None:
    text = html.page(report)
    page = Page(text)
    assert not {tag for tag, _ in page.tags} & {"script", "link", "img", "iframe", "object"}
    for _, attributes in page.tags:
        assert not {"src", "style"} & attributes.keys()
        assert not [name for name in attributes if name.startswith("on")]
        assert (attributes.get("href") or "#").startswith("#")
    assert "url(" not in text
    assert "@import" not in text
    assert "http" not in text
    assert "prefers-color-scheme: dark" in text


def test_no_text_is_taken_for_markup() -> None:
    for one in (REPORT, WEIRD):
        text = html.page(one)
        assert "<script" not in text.lower()
        assert "&lt;script&gt;alert(&quot;1&quot;)" in text
        assert HOSTILE in Page(text).text


def test_all_figures_are_on_the_page() -> None:
    text = Page(html.page(REPORT)).text
    for one in REPORT:
        assert f"{number(one.score.value)} {half_width(one.score)}" in text
    for task in ("scifact", "cran"):
        for pair in REPORT.comparisons(task):
            found = pair.comparison
            assert signed(found.difference) in text
            assert f"[{signed(found.low)}, {signed(found.high)}]" in text
            assert probability(pair.adjusted) in text
            assert number(found.detectable) in text
    for shown in ("2,590", "1.2", "150 MB", "1.5 kB", "25.0 s", "$1.00"):
        assert shown in text
    assert "RuntimeError: out of memory" in text
    assert "good gives no vectors, which stsb needs" in text
    for shown in ("A processor, 2 cores", "8.0 GB", "kinspace 0.1.0", "numpy 2.0.0"):
        assert shown in text
    assert "On cran, bad is best" in text


def test_queries_that_moved_are_shown_with_their_texts() -> None:
    report = made(
        {("t", "a"): [1, 0.5, 0.2], ("t", "b"): [0.125, 0.5, 0.4]},
        texts={"q0": "a question about cats", "q2": "one about dogs"},
    )
    text = Page(html.page(report)).text
    assert "a against b: ahead on 1, behind on 1, the same on 1" in text
    assert "a question about cats q0 1.000 0.125 +0.875" in text
    assert "one about dogs q2 0.200 0.400 −0.200" in text


def test_numbers_that_are_contributions_are_called_so() -> None:
    gold = np.arange(6.0)
    told = {"a": gold, "b": np.array([5.0, 1, 2, 3, 4, 0])}
    results = []
    for name, predicted in told.items():
        sample = Sample("spearman", {"predicted": predicted, "gold": gold})
        value = sample.value()
        outcome = Outcome({"spearman": sample}, [f"pair {i}" for i in range(6)])
        figures = {"spearman": Estimate(value, value, value)}
        results.append(Result("t", "similarity", name, "spearman", figures, outcome))
    text = Page(html.page(Report(results, tasks=["t"], systems=["a", "b"]))).text
    assert "Spearman is a figure of all items together. The numbers here are what each" in text
    assert "pair 0 1.000 −" in text
    own = Page(html.page(made({("t", "a"): [1.0], ("t", "b"): [0.0]}))).text
    assert "contributes" not in own.partition("Where they differ")[2]


def test_many_systems_go_into_several_tables() -> None:
    names = [f"system {i}" for i in range(19)]
    report = made({("t", name): BASE[:5] for name in names})
    page = Page(html.page(report))
    for name in names:
        assert name in page.text


def test_markdown_has_all_figures() -> None:
    text = markdown.page(REPORT)
    for one in REPORT:
        assert f"{number(one.score.value)} {half_width(one.score)}" in text
    assert "**0.1" not in text.split("## Costs")[0].split("scifact")[0]
    for pair in REPORT.comparisons("scifact"):
        assert signed(pair.comparison.difference) in text
    assert "kinspace 0.1.0" in text


def test_markdown_escapes_what_people_call_things(report: Report) -> None:
    text = markdown.page(report)
    assert "<" not in text.replace("<br>", "").replace("<0.001", "")
    widths = [len(re.findall(r"(?<!\\)\|", line)) for line in text.splitlines()]
    for before, after in pairwise(widths):  # the lines of a table have as many cells
        assert 0 in (before, after) or before == after
    assert markdown.escape("a|b\n<c> *d* & e") == r"a\|b &lt;c&gt; \*d\* &amp; e"


@pytest.mark.parametrize("width", [80, 100, 140])
def test_the_terminal_is_wide_enough(report: Report, width: int) -> None:
    for line in terminal.plain(report, width).splitlines():
        assert len(line) <= width


def test_the_terminal_shows_all_figures_and_marks() -> None:
    text = terminal.plain(REPORT, 80)
    for one in REPORT:
        assert number(one.score.value) in text
        assert half_width(one.score) in text
    good = next(line for line in text.splitlines() if line.startswith("good"))
    near = next(line for line in text.splitlines() if line.startswith("near"))
    bad = next(line for line in text.splitlines() if line.startswith("bad"))
    best = REPORT.ranking("scifact")[0]
    assert {"good": good, "near": near}[best].count("●") == 1
    assert bad.split()[2] != "●"
    assert bad.count("●") == 1  # on cran
    assert "2,590" in text
    assert "failed bad on trec: RuntimeError: out of memory" in text
    assert "skipped good gives no vectors" in text


def test_tasks_go_below_each_other_where_they_do_not_fit_beside() -> None:
    tasks = [f"a-task-with-a-name-{i}" for i in range(9)]
    report = made({(task, system): BASE[:5] for task in tasks for system in ("one", "two")})
    lines = terminal.plain(report, 80).splitlines()
    assert [line.split()[0] for line in lines if line.startswith("a-task")] == tasks


def test_a_reason_is_given_once() -> None:
    gone = [Skipped(task, "bm25", f"bm25 gives no vectors, which {task} needs.") for task in "xyz"]
    report = made({("t", "a"): [1.0]}, skipped=gone)
    said = "bm25 gives no vectors, which x needs; the same on y and z."
    for text in (terminal.plain(report), markdown.page(report), Page(html.page(report)).text):
        assert said in text


def test_a_report_of_nothing_says_why() -> None:
    assert terminal.plain(NOTHING).strip() == "failed a on t: OSError: gone"
    assert "OSError: gone" in Page(html.page(NOTHING)).text
    assert "OSError: gone" in markdown.page(NOTHING)
