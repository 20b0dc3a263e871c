"""``kinspace learn``: one command for each method that learns from texts."""

from __future__ import annotations

import hashlib
import inspect
import os
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from typer.core import TyperCommand, TyperGroup

from kinspace.cli import output
from kinspace.cli.method_options import options_of

if TYPE_CHECKING:
    from kinspace.learn.methods import Method
    from kinspace.learn.text import Tokenized

_THINGS = {"words": 0, "documents": 1, "sentences": 2, "labelled texts": 3}
"""What is learned from texts; methods for other things learn from tables and from vectors."""
_NUMBERED = ("words", "documents")
"""What is learned from words alone, so that texts can be kept as their numbers."""

Paths = Annotated[
    list[Path],
    typer.Argument(
        help="Files and folders of text, also .gz, .bz2, .xz or .zst; - for standard input.",
        show_default=False,
    ),
]
Target = Annotated[
    Path, typer.Option("--output", "-o", help="The folder of the model.", show_default=False)
]
Each = Annotated[
    Literal["line", "passage"],
    typer.Option(help="What is a text: each line of a file, or each passage (of any format)."),
]
Cache = Annotated[
    Path | None,
    typer.Option(
        help="Where texts are kept as numbers, so that the next run need not read them again, and "
        "a stopped one goes on; in the cache if not given.",
        show_default=False,
    ),
]
Overwrite = Annotated[
    bool, typer.Option("--overwrite", help="Replace the model that the folder holds.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


class Methods(TyperGroup):
    """The methods as commands; a method's class is imported when its command is used."""

    def list_commands(self, ctx: Any) -> list[str]:
        return [*(method.name for method in from_texts()), *super().list_commands(ctx)]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        found = {method.name: method for method in from_texts()}
        if cmd_name in found:
            return MethodCommand(found[cmd_name])
        return super().get_command(ctx, cmd_name)


class MethodCommand(TyperCommand):
    """One method; its options are read from its class when they are needed."""

    def __init__(self, method: Method) -> None:
        super().__init__(
            method.name,
            help=method.says,
            rich_markup_mode="rich",
            rich_help_panel=method.thing.capitalize(),
            context_settings={"help_option_names": ["-h", "--help"]},
        )
        self._method = method
        self._read = False

    def get_params(self, ctx: Any) -> list[Any]:
        if not self._read:
            self._read = True
            single = typer.Typer(add_completion=False)
            single.command()(_function(self._method))
            whole: Any = typer.main.get_command(single)
            self.params, self.callback = whole.params, whole.callback
            papers = "".join(f"\n\n{paper}." for paper in self._method.papers)
            self.help = f"{self._method.says}{papers}"
        found: list[Any] = super().get_params(ctx)
        return found


app = typer.Typer(
    cls=Methods,
    no_args_is_help=True,
    help="Learn a model from texts: vectors of words or documents, or a tokenizer.",
)


def from_texts() -> list[Method]:
    """The methods that learn from texts, those of words first."""
    from kinspace.learn.methods import methods

    found = [method for method in methods().values() if method.thing in _THINGS]
    return sorted(found, key=lambda method: (_THINGS[method.thing], method.name))


def _function(method: Method) -> Any:
    """The function of a method's command, with its options in its signature."""

    def learn(
        paths: Paths,
        target: Target,
        each: Each = "line",
        cache: Cache = None,
        overwrite: Overwrite = False,
        as_json: AsJson = False,
        **settings: Any,
    ) -> None:
        _learn(method, settings, paths, target, each, cache, overwrite, as_json)

    own = inspect.signature(learn, eval_str=True).parameters
    mine = {name: own[name] for name in own if name != "settings"}
    options = options_of(method.learner(), mine)
    order = [mine["paths"], mine["target"], *options]
    order += [mine[name] for name in ("each", "cache", "overwrite", "as_json")]
    keyword = inspect.Parameter.KEYWORD_ONLY
    signature = inspect.Signature([each.replace(kind=keyword) for each in order])
    learn.__signature__ = signature  # type: ignore[attr-defined]
    learn.__annotations__ = {name: p.annotation for name, p in signature.parameters.items()}
    return learn


def _learn(
    method: Method,
    settings: dict[str, Any],
    paths: list[Path],
    target: Path,
    each: str,
    cache: Path | None,
    overwrite: bool,
    as_json: bool,
) -> None:
    from kinspace.learn.stages import shown

    _require_new(target, overwrite)
    learner_of = method.learner()
    takes = inspect.signature(learner_of).parameters
    texts = _texts(paths, each)
    folder = None if isinstance(texts, _Input) else cache or _cache_for(paths, each)
    if folder is not None and "cache" in takes:
        settings["cache"] = folder / method.name
    learner = learner_of(**settings)
    began = time.perf_counter()
    with shown(True) as tell:
        items: Iterable[Any] = texts
        if method.thing in _NUMBERED and "tokenizer" in takes:
            items = _numbers(texts, settings["tokenizer"], folder, tell)
        learner.fit(items, progress=tell)
    learner.save(target)
    _tell(method, learner, target, time.perf_counter() - began, items, as_json)


def _require_new(target: Path, overwrite: bool) -> None:
    """Find out before an hour of learning that there is no place for its fruit."""
    from kinspace.errors import InvalidParameter
    from kinspace.learn.saved import is_learned

    if not target.exists() or (target.is_dir() and next(target.iterdir(), None) is None):
        return
    if not is_learned(target):
        raise InvalidParameter(f"{target} is not a model, but is there.", "Name a new folder.")
    if not overwrite:
        raise InvalidParameter(
            f"{target} holds a model already.", "Name a new folder, or add --overwrite."
        )


class _Input(Iterable[str]):
    """The lines of standard input."""

    def __iter__(self) -> Iterator[str]:
        return (line.rstrip("\r\n") for line in sys.stdin if not line.isspace())


class _Filled(Iterable[str]):
    """Texts but for blank ones, which are nothing to learn from."""

    def __init__(self, stream: Any) -> None:
        self.stream = stream

    def __iter__(self) -> Iterator[str]:
        return (text for text in self.stream if text and not text.isspace())

    def version(self) -> str | None:
        found: str | None = self.stream.version()
        return found


def _texts(paths: list[Path], each: str) -> _Input | _Filled:
    from kinspace import read
    from kinspace.errors import InvalidParameter

    if Path("-") not in paths:
        return _Filled(read.lines(paths) if each == "line" else read.texts(paths))
    if len(paths) > 1 or each != "line":
        raise InvalidParameter("Standard input is lines, and stands alone.", "Give only -.")
    return _Input()


def _cache_for(paths: list[Path], each: str) -> Path:
    from kinspace.places import cache_folder

    whole = "\n".join([each, *sorted(os.path.abspath(path) for path in paths)])
    digest = hashlib.sha256(whole.encode("utf-8", "surrogateescape")).hexdigest()[:16]
    return cache_folder() / "learn" / digest


def _numbers(texts: Any, tokenizer: Any, folder: Path | None, tell: Any) -> Tokenized:
    """The texts as numbers, of the last run if they are the same."""
    from kinspace.learn.text import as_tokenizer, tokenize
    from kinspace.space import fingerprint_of

    cutter = as_tokenizer(tokenizer)
    if folder is not None:
        folder = folder / f"texts-{fingerprint_of(cutter.to_dict())}"
    return tokenize(texts, cutter, folder=folder, tell=tell)


def _tell(
    method: Method, learner: Any, target: Path, seconds: float, items: Any, as_json: bool
) -> None:
    from kinspace.learn.text import Tokenized

    found: dict[str, Any] = {
        "model": str(target),
        "method": method.name,
        "space": learner.space.to_dict(),
        "seconds": round(seconds, 3),
    }
    if isinstance(items, Tokenized):
        found |= {"texts": items.items, "words": items.words}
    if method.thing == "words":
        found["vectors"] = len(learner.vectors)
    if as_json:
        output.print_json(found)
        return
    what = f"{found['vectors']:,} words × {learner.space.dim}" if "vectors" in found else (
        str(learner.space)
    )  # fmt: skip
    read = f" from {found['words']:,} words" if "words" in found else ""
    output.note(f"{target}: {what}, learned{read} in {output.duration(seconds)}.")


@app.command()
def tokenizer(
    paths: Paths,
    target: Annotated[
        Path,
        typer.Option(
            "--output", "-o", help="The file to write: tokenizer.json.", show_default=False
        ),
    ],
    kind: Annotated[
        Literal["bpe", "wordpiece", "unigram"],
        typer.Option(help="Which pieces: as of GPT-2, BERT or T5."),
    ] = "bpe",
    vocabulary_size: Annotated[
        int, typer.Option(help="Pieces, at most, special ones included.")
    ] = 30_000,
    min_count: Annotated[
        int | None,
        typer.Option(help="Pairs that come less often are not joined (2); not for unigram."),
    ] = None,
    lower: Annotated[bool, typer.Option("--lower", help="Put all into lower case.")] = False,
    special_token: Annotated[
        list[str] | None, typer.Option(help="A token of its own; may be given again.")
    ] = None,
    each: Each = "line",
    as_json: AsJson = False,
) -> None:
    """Train a tokenizer on texts: BPE, WordPiece or Unigram; learners take it by --tokenizer."""
    from kinspace.durable import replace_file
    from kinspace.learn.text import train_tokenizer

    began = time.perf_counter()
    trained = train_tokenizer(
        _texts(paths, each),
        kind,
        vocabulary_size=vocabulary_size,
        min_count=min_count,
        lower=lower,
        special_tokens=special_token or (),
        progress=True,
    )
    file = target if target.suffix == ".json" else target / "tokenizer.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    replace_file(file, trained.to_str(pretty=True).encode())
    seconds = time.perf_counter() - began
    if as_json:
        output.print_json(
            {
                "tokenizer": str(file),
                "kind": kind,
                "pieces": trained.get_vocab_size(),
                "seconds": round(seconds, 3),
            }
        )
    else:
        pieces = trained.get_vocab_size()
        output.note(f"{file}: {kind} of {pieces:,} pieces, in {output.duration(seconds)}.")
