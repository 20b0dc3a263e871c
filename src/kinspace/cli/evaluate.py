"""``kinspace evaluate``."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from kinspace.cli import output, places
from kinspace.places import cache_folder

if TYPE_CHECKING:
    from kinspace.evaluate.report import Report
    from kinspace.evaluate.runner import Step
    from kinspace.evaluate.task import Task

_MODELS = "default,default+bm25,bm25"


def evaluate(
    models: Annotated[
        list[str] | None,
        typer.Option(
            "--models",
            "-m",
            help="What is judged, with commas between: models by name or path, bm25, MODEL+bm25 "
            f"(both), MODEL@ivf (an index), bm25>MODEL (reranked). By default {_MODELS}.",
            show_default=False,
        ),
    ] = None,
    tasks: Annotated[
        list[str] | None,
        typer.Option(
            "--tasks",
            "-t",
            help="On what, with commas between: names of --list, groups, or files "
            "and folders of your own.",
            show_default=False,
        ),
    ] = None,
    folder: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help="A folder for report.html, report.json, report.md and the runs."
        ),
    ] = None,
    collection: Annotated[
        Path | None,
        typer.Option(
            "--collection",
            "-c",
            help="A collection (or files) of your own to judge on: no labels are needed.",
        ),
    ] = None,
    queries: Annotated[
        Path | None, typer.Option(help="With -c: a log of queries and what was clicked.")
    ] = None,
    questions_from: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="With -c: the address of a chat model (OpenAI-compatible) that "
            "writes questions; its key is read from $OPENAI_API_KEY.",
        ),
    ] = None,
    questions_model: Annotated[
        str | None, typer.Option(metavar="NAME", help="The model at that address.")
    ] = None,
    questions: Annotated[int, typer.Option(help="How many questions it is to write.")] = 200,
    seed: Annotated[int, typer.Option(help="Of the intervals, the tests, and -c's samples.")] = 0,
    no_cache: Annotated[
        bool, typer.Option("--no-cache", help="Measure all anew, and keep nothing.")
    ] = False,
    again: Annotated[
        Path | None,
        typer.Option(
            help="A report.json: measure the same again without the cache, and say what differs."
        ),
    ] = None,
    list_tasks: Annotated[bool, typer.Option("--list", help="List the tasks and leave.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> int:
    """Judge models and ways of searching, on public tasks or on your own texts."""
    if list_tasks:
        _list(as_json=as_json)
        return 0
    if again is not None:
        asked, earlier = _asked_before(again, (models, tasks, collection, queries, questions_from))
    else:
        asked, earlier = (
            _Asked(
                models=_split(models) or _MODELS.split(","),
                tasks=_split(tasks),
                seed=seed,
                collection=_text(collection),
                queries=_text(queries),
                questions_from=questions_from,
                questions_model=questions_model,
                questions=questions,
            ),
            None,
        )
    report = _judge(asked, folder, cache=not no_cache and again is None)
    if as_json:
        output.print_json(json.loads(report.to_json(items=False)))
    else:
        from kinspace.evaluate.reports import terminal

        terminal.show(report, output.out())
    if folder is not None:
        output.note(f"Written: {places.shown(str(folder / 'report.html'))}, report.json, report.md")
    if earlier is not None:
        _say_what_differs(report, earlier)
    return _ending(report)


@dataclass(frozen=True)
class _Asked:
    """All that changes what is measured; kept in report.json."""

    models: list[str]
    tasks: list[str]
    seed: int = 0
    collection: str | None = None
    queries: str | None = None
    questions_from: str | None = None
    questions_model: str | None = None
    questions: int = 200

    def __post_init__(self) -> None:
        from kinspace.errors import InvalidParameter

        if not self.tasks and self.collection is None:
            raise InvalidParameter(
                "There is nothing to judge on.",
                "Name tasks (--tasks scifact,stsb; all of them: kinspace evaluate --list), or "
                "judge on texts of your own: -c notes.kin",
            )
        beside = self.queries or self.questions_from
        if beside and self.collection is None:
            raise InvalidParameter(
                "--queries and --questions-from are about a collection, and none is named.",
                "Name it: -c notes.kin",
            )
        if (self.questions_from is None) != (self.questions_model is None):
            raise InvalidParameter(
                "--questions-from and --questions-model belong together.", "Give both."
            )


def _split(given: list[str] | None) -> list[str]:
    return [part.strip() for one in given or [] for part in one.split(",") if part.strip()]


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)


def _judge(asked: _Asked, folder: Path | None, *, cache: bool) -> Report:
    from dataclasses import asdict

    from kinspace.evaluate.runner import evaluate as judge
    from kinspace.evaluate.runner import require_folder

    if folder is not None:
        require_folder(folder)
    place: bool | Path = cache_folder() / "evaluations" if cache else False
    own = _own_tasks(asked)
    with _progress() as tell:
        report = judge(
            asked.models, [*asked.tasks, *own], cache=place, seed=asked.seed, progress=tell
        )
    report.parameters = asdict(asked)
    if folder is not None:
        report.save(folder)
    return report


def _own_tasks(asked: _Asked) -> list[Task]:
    """The tasks that the user's own texts make."""
    if asked.collection is None:
        return []
    from kinspace.evaluate.unlabelled import documents_of, tasks_of

    documents = documents_of(asked.collection)
    tasks = tasks_of(documents, queries=asked.queries, seed=asked.seed)
    if asked.questions_from is not None:
        tasks.insert(0, _questions_task(asked, documents))
    return tasks


def _questions_task(asked: _Asked, documents: list[Any]) -> Task:
    from kinspace.evaluate.tasks.retrieval import RetrievalTask
    from kinspace.evaluate.unlabelled import Chat, plan, questions

    chat = Chat(str(asked.questions_from), str(asked.questions_model))
    taken = plan(documents, n=asked.questions, seed=asked.seed)
    output.note(
        f"Asking {asked.questions_model} for {asked.questions:,} questions: about "
        f"{taken.calls:,} calls and {taken.prompt_tokens + taken.answer_tokens:,} tokens; "
        "answers are kept and not paid for twice."
    )
    kept = cache_folder() / "evaluations" / "questions.jsonl"
    kept.parent.mkdir(parents=True, exist_ok=True)
    with output.progress("Asking", "calls") as advance:
        found = questions(
            documents, chat, n=asked.questions, seed=asked.seed, cache=kept,
            progress=lambda done, total: advance(done, total, ""),
        )  # fmt: skip
    for reason, count in found.left_out.items():
        output.note(f"Left out: {count:,} ({reason})")
    return RetrievalTask(found.content)


def _asked_before(path: Path, given: tuple[Any, ...]) -> tuple[_Asked, Report]:
    """What an earlier report was asked for, and the report itself."""
    from kinspace.errors import InvalidParameter
    from kinspace.evaluate.report import Report

    if any(one is not None for one in given):
        raise InvalidParameter(
            "--again measures what the report names, and something else was named as well.",
            "Leave out --models, --tasks and -c.",
        )
    earlier = Report.load(path)
    asked = earlier.parameters
    if asked.get("models") is None or asked.get("tasks") is None:
        raise InvalidParameter(
            f"{path} was made in Python, from models or tasks that have no names.",
            "Run the script that made it.",
        )
    return _Asked(**asked), earlier


@contextmanager
def _progress() -> Iterator[Callable[[Step], None] | None]:
    """A bar over all pairs of system and task; nothing where nobody looks."""
    console = output.err()
    if not console.is_terminal:
        yield None
        return
    from rich import progress as bars

    columns = [
        bars.TextColumn("{task.description}"), bars.BarColumn(), bars.MofNCompleteColumn(),
        bars.TimeElapsedColumn(), bars.TextColumn("{task.fields[what]}", style="dim"),
    ]  # fmt: skip
    with bars.Progress(*columns, console=console, transient=True) as bar:
        whole = bar.add_task("Judging", total=None, what="loading models")

        def tell(step: Step) -> None:
            far = f", {step.done / step.total:.0%}" if step.total else ""
            what = f"{step.system} on {step.task}{far}"
            bar.update(whole, completed=step.number - 1, total=step.count, what=what)

        yield tell


def _list(*, as_json: bool) -> None:
    from kinspace.evaluate.catalogue import describe_task, groups, task_names

    records = [describe_task(name) for name in task_names()]
    if as_json:
        names = ("name", "kind", "dataset", "split", "main", "description")
        listed = [{name: getattr(one, name) for name in names} for one in records]
        output.print_json({"tasks": listed, "groups": groups()})
        return
    from rich.table import Table

    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(no_wrap=True)
    kinds = dict.fromkeys(one.kind for one in records)
    for kind in kinds:
        table.add_row(Text(kind, style="cyan"))
        for one in (one for one in records if one.kind == kind):
            table.add_row(f"  {one.name}", one.description)
    console = output.out()
    console.print(table, soft_wrap=False)
    others = ", ".join(name for name in groups() if name not in kinds)
    console.print(Text(f"Groups: {others}, and each heading above.", style="dim"))


def _say_what_differs(report: Report, earlier: Report) -> None:
    """Compare main figures with those of an earlier report."""
    lines = []
    for one in earlier:
        pair = (one.task, one.system)
        if pair not in report:
            lines.append(f"{one.system} on {one.task}: was {one.score.value:.6f}, now missing")
        elif abs(report[pair].score.value - one.score.value) > 1e-6:
            now = report[pair].score.value
            lines.append(f"{one.system} on {one.task}: was {one.score.value:.6f}, now {now:.6f}")
    for line in lines:
        output.warn(line)
    if not lines:
        output.note("Every main figure is what it was, to 6 digits.")


def _ending(report: Report) -> int:
    if report.failed:
        count = len(report.tasks) * len(report.systems)
        output.fail(
            f"{len(report.failed)} of {count} results are missing.",
            "The others are kept; the same command tries only these again.",
        )
        return 1
    if not len(report):
        output.fail("None of these systems can do any of these tasks.", "The reasons stand above.")
        return 1
    return 0
