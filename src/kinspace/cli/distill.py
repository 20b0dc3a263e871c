"""``kinspace distill``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from kinspace.cli import output


def distill(
    teacher: Annotated[
        str, typer.Argument(help="The model to learn from, by name or path.", show_default=False)
    ],
    texts: Annotated[
        list[Path],
        typer.Argument(help="Files and folders; their passages are learned from."),
    ],
    target: Annotated[Path, typer.Option("--output", "-o", help="The new model's folder.")],
    dim: Annotated[
        int | None, typer.Option(help="Dimensions of the new model; by default, the teacher's.")
    ] = None,
    vocabulary_size: Annotated[int, typer.Option(help="Tokens, at most.")] = 32_000,
    epochs: Annotated[int, typer.Option(help="How often all texts are gone through.")] = 3,
    max_texts: Annotated[int | None, typer.Option(help="Stop reading after so many.")] = None,
    lines: Annotated[
        bool, typer.Option("--lines", help="Each line of a file is a text, not each passage.")
    ] = False,
    seed: Annotated[int, typer.Option(help="The same seed gives the same model.")] = 0,
    cache: Annotated[
        Path | None,
        typer.Option(help="A folder for the teacher's vectors, so that a stopped run goes on."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Learn a small, fast model from a large one (needs the extra neural)."""
    from kinspace import read
    from kinspace.errors import InvalidParameter
    from kinspace.learn.sentences.distill import Distill

    if target.exists() and any(target.iterdir() if target.is_dir() else [target]):
        raise InvalidParameter(f"{target} exists already.", "Name a new folder.")
    learner = Distill(
        teacher,
        dim=dim,
        vocabulary_size=vocabulary_size,
        epochs=epochs,
        max_texts=max_texts,
        seed=seed,
        cache=cache,
    )
    items = (line for path in texts for line in read.lines(path)) if lines else read.texts(texts)
    learner.fit(items, progress=True)
    learner.save(target)
    if as_json:
        output.print_json({"model": str(target), **learner.recipe_})
    else:
        count = learner.recipe_["texts"]["count"]
        output.note(f"{target}: {learner.space}, learned from {count:,} texts.")
