"""``kinspace near``, ``analogy``, ``align`` and ``convert``: tables of words, and of all else."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kinspace.cli import output

if TYPE_CHECKING:
    from kinspace.embeddings import Embeddings
    from kinspace.results import Neighbours

Table = Annotated[
    Path,
    typer.Argument(
        help="The folder of a learned model, or a file of vectors: ours, word2vec, GloVe, "
        "fastText, gensim.",
        show_default=False,
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


class Method(StrEnum):
    """Ways of completing an analogy."""

    add = "3cosadd"
    mul = "3cosmul"
    direction = "pairdirection"


class Kind(StrEnum):
    """Formats of files of vectors."""

    word2vec = "word2vec"
    binary = "word2vec-binary"
    glove = "glove"
    fasttext = "fasttext"
    gensim = "gensim"
    safetensors = "safetensors"


class Repeated(StrEnum):
    """What becomes of words that come twice."""

    refuse = "refuse"
    first = "first"


def near(
    place: Annotated[
        Path,
        typer.Argument(
            metavar="TABLE",
            help="The folder of a learned model, a file of vectors, or a collection.",
            show_default=False,
        ),
    ],
    item: Annotated[str, typer.Argument(help="A word, or the id of a record.", show_default=False)],
    k: Annotated[int, typer.Option("-k", help="How many.")] = 10,
    where: Annotated[
        str | None, typer.Option(help="Only records like this, of a collection.")
    ] = None,
    full: Annotated[
        bool, typer.Option("--full", help="Show whole passages, of a collection.")
    ] = False,
    as_json: AsJson = False,
) -> int:
    """Show what is nearest to a word of a table, or to a record of a collection."""
    from kinspace.errors import IdNotFound, InvalidParameter
    from kinspace.learn.saved import is_learned

    if not place.is_file() and not is_learned(place):
        from kinspace.cli.search import near_in_collection

        return near_in_collection(place, item, k, where, full=full, as_json=as_json)
    if where is not None or full:
        raise InvalidParameter(
            "A table of vectors has no fields and no passages.", "Leave --where and --full out."
        )
    table = _table(place)
    try:
        found = table.nearest(_name(table, item), k)
    except IdNotFound:
        made = _made_of_parts(place, item)
        if made is None:
            raise
        output.note(f"{item!r} is not in the table; its vector is made of its n-grams.")
        found = table.nearest(made, k)
    _print(found, as_json=as_json)
    return 0


def analogy(
    place: Table,
    a: Annotated[str, typer.Argument(help="As this is …", show_default=False)],
    b: Annotated[str, typer.Argument(help="… to this, …", show_default=False)],
    c: Annotated[str, typer.Argument(help="… so is this to what?", show_default=False)],
    k: Annotated[int, typer.Option("-k", help="How many answers.")] = 5,
    method: Annotated[Method, typer.Option(help="How to combine the three.")] = Method.add,
    as_json: AsJson = False,
) -> None:
    """Complete an analogy: as man is to king, so is woman to queen."""
    table = _table(place)
    first, second, third = (_name(table, word) for word in (a, b, c))
    _print(table.analogy(first, second, third, k, method=method.value), as_json=as_json)


def align(
    source: Table,
    target: Table,
    output_: Annotated[
        Path,
        typer.Option(
            "--output", "-o", help="Write the mapped source here; .safetensors keeps the space."
        ),
    ],
    dictionary: Annotated[
        str | None,
        typer.Option(
            "--dictionary",
            "-d",
            help="A file with a word of the source and one of the target a line, or the name of a "
            "dataset (muse-en-fr). By default, words that both sides have.",
        ),
    ] = None,
    test: Annotated[
        Path | None, typer.Option(help="Such a file, to count how many words are translated right.")
    ] = None,
    rounds: Annotated[int, typer.Option(help="Rounds of self-learning at most.")] = 0,
    center: Annotated[bool, typer.Option("--center", help="Map mean onto mean as well.")] = False,
    save_map: Annotated[
        Path | None, typer.Option("--map", help="A folder to save the map itself in.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Map a table of words into the space of another, so that the two can be compared."""
    from kinspace.learn.alignment import Procrustes, translation_precision
    from kinspace.pretrained.vector_files import target_format, write_vectors

    target_format(output_, None)
    here, there = _table(source), _table(target)
    pairs = None if dictionary is None else _pairs(dictionary)
    aligner = Procrustes(rounds, center=center).fit(here, there, pairs, progress=True)
    mapped = aligner.map(here)
    write_vectors(mapped, output_)
    if save_map is not None:
        aligner.save(save_map)
    found: dict[str, Any] = {
        "vectors": str(output_), "space": mapped.space.to_dict(), "pairs": aligner.pairs_,
        "rounds": aligner.rounds_,
    }  # fmt: skip
    if test is not None:
        found["precision"] = translation_precision(_pairs(str(test)), mapped, there)
    if as_json:
        output.print_json(found)
        return
    output.note(f"{output_}: {len(mapped):,} vectors in the space of {there.space.model}")
    output.note(f"learned from {aligner.pairs_:,} pairs and {len(aligner.rounds_)} rounds more")
    for name, share in found.get("precision", {}).items():
        output.print_line(f"{name:<22}{share:.4g}")


def convert(
    source: Table,
    target: Annotated[Path, typer.Argument(help="The file to write.", show_default=False)],
    from_: Annotated[
        Kind | None, typer.Option("--from", help="The source's format; else its bytes tell.")
    ] = None,
    to: Annotated[
        Kind | None, typer.Option("--to", help="The target's format; else its name tells.")
    ] = None,
    limit: Annotated[int | None, typer.Option(help="Only so many words, the first ones.")] = None,
    encoding: Annotated[str, typer.Option(help="Of the source's words.")] = "utf-8",
    errors: Annotated[
        str, typer.Option(help="What becomes of invalid bytes: strict, replace, ignore.")
    ] = "strict",
    repeated: Annotated[
        Repeated, typer.Option(help="What becomes of words that come twice.")
    ] = Repeated.refuse,
    spaces: Annotated[
        str | None, typer.Option(help="What to write for a blank inside a word, such as _.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Turn a file of vectors into another format; larger than memory, where both are in rows."""
    from kinspace.learn.saved import is_learned
    from kinspace.loading import read_vectors
    from kinspace.pretrained.vector_files import (
        VectorFile,
        guess,
        target_format,
        write_blocks,
        write_vectors,
    )

    kind = target_format(target, None if to is None else to.value)
    read: dict[str, Any] = {
        "limit": limit, "encoding": encoding, "errors": errors, "repeated": repeated.value
    }  # fmt: skip
    given = None if from_ is None else from_.value
    with output.progress("Converting", "words") as advance:

        def tell(done: int, total: int) -> None:
            advance(done, total, "")

        in_rows = (
            repeated is Repeated.refuse
            and kind != "safetensors"
            and not is_learned(source)
            and (given or guess(source)) != "fasttext"
        )
        if in_rows:
            file = VectorFile(source, given, **read)
            shape = file.count, file.dim
            write_blocks(file.blocks(tell), shape, target, kind, spaces=spaces)
        else:
            found = read_vectors(source, given, **read, progress=tell)
            shape = found.shape
            write_vectors(found, target, kind, spaces=spaces)
    if as_json:
        output.print_json({"file": str(target), "format": kind, "count": shape[0], "dim": shape[1]})
    else:
        output.note(f"{target}: {shape[0]:,} vectors of {shape[1]} dimensions, {kind}")


def _table(path: Path) -> Embeddings:
    """The table of a learned model's folder, or of a file."""
    from kinspace.loading import read_vectors

    with output.progress("Reading", "words") as advance:
        return read_vectors(path, progress=lambda done, total: advance(done, total, ""))


def _name(table: Embeddings, item: str) -> str | int:
    """An id as it is in the table, where it may be a number."""
    if item not in table and item.lstrip("-").isdigit():
        return int(item)
    return item


def _made_of_parts(place: Path, word: str) -> Embeddings | None:
    """The vector that a learned fastText model has for a word it never saw."""
    from kinspace.learn import saved

    if not saved.is_learned(place) or saved.read(place).method != "fasttext":
        return None
    from kinspace.learn.words.fasttext import FastText

    return FastText.load(place).vectors_of([word])


def _print(found: Neighbours[Any], *, as_json: bool) -> None:
    if as_json:
        output.print_json([{"id": one, "score": score} for one, score in found])
        return
    output.print_scored(found)


def _pairs(dictionary: str) -> list[tuple[str, str]]:
    """Pairs of words, from a file or a dataset."""
    from kinspace import datasets, read
    from kinspace.datasets.content import DictionarySet
    from kinspace.errors import InvalidInput

    if not Path(dictionary).exists():
        found = datasets.load(dictionary, split="full")
        if not isinstance(found, DictionarySet):
            raise InvalidInput(f"{dictionary} is no dictionary.", "Name one, such as muse-en-fr.")
        return [(word, other) for word, right in found.translations.items() for other in right]
    pairs = []
    for number, line in enumerate(read.lines(dictionary), 1):
        words = line.split("\t") if "\t" in line else line.split()
        if not line.strip():
            continue
        if len(words) != 2:
            raise InvalidInput(
                f"{dictionary}, line {number}: {line[:60]!r} is not two words.",
                "Write a word of the source, a tab, and a word of the target.",
            )
        pairs.append((words[0].strip(), words[1].strip()))
    return pairs
