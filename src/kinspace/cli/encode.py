"""``kinspace encode``."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from kinspace.cli import output


def encode(
    texts: Annotated[
        list[str] | None,
        typer.Argument(help="Texts; without them, one a line from --input.", show_default=False),
    ] = None,
    source: Annotated[
        Path | None,
        typer.Option("--input", "-i", help="A file with one text a line; - for standard input."),
    ] = None,
    target: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Write vectors to a .safetensors or .npy file."),
    ] = None,
    model: Annotated[str, typer.Option(help="The model, by name or path.")] = "default",
    query: Annotated[bool, typer.Option("--query", help="Encode as queries.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Turn texts into vectors."""
    import numpy as np

    from kinspace.errors import EmptyInput, InvalidParameter
    from kinspace.loading import load

    if target is not None and target.suffix not in (".safetensors", ".npy"):
        raise InvalidParameter(
            f"{target} is neither .safetensors nor .npy.", "Give it one of these endings."
        )
    if bool(texts) == (source is not None):
        raise InvalidParameter("Texts or --input are needed.", "Give one of them.")
    items = list(texts or _lines(source))
    if not items:
        raise EmptyInput("There are no texts.", "Give at least one.")
    encoder = load(model)
    with output.progress("Encoding", "texts") as advance:
        work = encoder.encode_query if query else encoder.encode
        found = work(items, progress=lambda done, total: advance(done, total, ""))
    if target is None:
        rows = [{"text": t, "vector": v.tolist()} for t, v in zip(items, found, strict=True)]
        if as_json:
            output.print_json({"space": found.space.to_dict(), "vectors": rows})
        else:
            for row in found:
                output.print_line(" ".join(f"{value:.6f}" for value in row))
        return
    if target.suffix == ".npy":
        partial = target.with_name(target.name + ".partial")
        with partial.open("wb") as file:
            np.save(file, found.vectors, allow_pickle=False)
        partial.replace(target)
    else:
        found.save(target)
    if as_json:
        output.print_json({"vectors": len(found), "space": found.space.to_dict()})
    else:
        output.note(f"{target}: {len(found):,} vectors of {found.space}")


def _lines(source: Path | None) -> Iterator[str]:
    from kinspace import read

    if source is None or str(source) == "-":
        for line in sys.stdin:
            yield line.rstrip("\r\n")
    else:
        yield from read.lines(source)
