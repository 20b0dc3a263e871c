"""``kinspace encode``."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from kinspace.cli import output

if TYPE_CHECKING:
    from kinspace.bulk import Entries, Summary
    from kinspace.encoder import Encoder

_FILES: Final = (".txt", ".jsonl", ".ndjson", ".json", ".csv", ".tsv", ".gz", ".zst", ".md")
"""What looks like a file of texts, so that a name that is misspelled is not taken for a text."""


class Long(StrEnum):
    """What becomes of texts longer than the model reads."""

    truncate = "truncate"
    mean = "mean"
    error = "error"


class Precision(StrEnum):
    """Precisions in which a model runs."""

    auto = "auto"
    float32 = "float32"
    bfloat16 = "bfloat16"
    float16 = "float16"
    int8 = "int8"


def encode(
    texts: Annotated[
        list[str] | None,
        typer.Argument(
            help="Files and folders of texts, or of images; or the texts themselves.",
            show_default=False,
        ),
    ] = None,
    source: Annotated[
        Path | None,
        typer.Option("--input", "-i", help="A file of texts; - for standard input."),
    ] = None,
    target: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help="Write vectors to a .parquet, .safetensors or .npy file."
        ),
    ] = None,
    model: Annotated[str, typer.Option(help="The model, by name or path.")] = "default",
    field: Annotated[
        str | None, typer.Option(help="The field of JSON or CSV that holds the text; else guessed.")
    ] = None,
    id_field: Annotated[
        str | None,
        typer.Option("--id", help="The field that holds the id; else rows are numbered."),
    ] = None,
    images: Annotated[
        bool, typer.Option("--images", help="Encode the images of folders, not their texts.")
    ] = False,
    keep_text: Annotated[
        bool, typer.Option("--keep-text", help="Put the texts into the .parquet file as well.")
    ] = False,
    query: Annotated[bool, typer.Option("--query", help="Encode as queries.")] = False,
    prompt: Annotated[
        str | None, typer.Option(help="What stands before each text; else what the model states.")
    ] = None,
    long: Annotated[
        Long | None, typer.Option(help="What becomes of texts longer than the model reads.")
    ] = None,
    dim: Annotated[
        int | None, typer.Option(help="Keep so many dimensions (Matryoshka).", show_default=False)
    ] = None,
    device: Annotated[str | None, typer.Option(help="Where it runs: cpu, cuda, cuda:1.")] = None,
    precision: Annotated[
        Precision | None, typer.Option(help="In which precision; else the fastest.")
    ] = None,
    cache: Annotated[
        bool | None,
        typer.Option(
            "--cache/--no-cache",
            help="Keep each vector, and never encode a text twice; by default for paid services.",
            show_default=False,
        ),
    ] = None,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Only count texts and tokens; estimate time and money."),
    ] = False,
    restart: Annotated[
        bool, typer.Option("--restart", help="Begin anew where an earlier run was interrupted.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Turn texts or images into vectors: to the screen, or as a stream into a file.

    With -o, a run that is interrupted goes on from there when it is started again.
    """
    from kinspace.errors import InvalidParameter
    from kinspace.loading import load_encoder

    items = _items(texts, source, field, id_field, images, wanted=target is not None or dry_run)
    if target is None and (keep_text or restart):
        raise InvalidParameter("Without a file there is nothing to keep.", "Give -o FILE.")
    if target is not None:
        _check_ending(target, keep_text)
    options = {
        "prompt": prompt, "long": long and long.value, "dim": dim, "device": device,
        "precision": precision and precision.value,
    }  # fmt: skip
    given: dict[str, Any] = {n: value for n, value in options.items() if value is not None}
    encoder = _cached(load_encoder(model, **given), cache)
    if dry_run:
        _estimate(encoder, items, query=query, as_json=as_json)
    elif target is None:
        _print(encoder, items, query=query, as_json=as_json)
    else:
        _write(encoder, items, target, query, keep_text, restart, as_json=as_json)


def _items(
    texts: list[str] | None,
    source: Path | None,
    field: str | None,
    id_field: str | None,
    images: bool,
    *,
    wanted: bool,
) -> list[str] | Entries:
    """Texts as they were given, or the entries of files."""
    from kinspace.bulk import Entries
    from kinspace.errors import InvalidParameter, PathNotFound

    if bool(texts) == (source is not None):
        raise InvalidParameter("Texts, files or --input are needed.", "Give one of them.")
    paths = [str(source)] if texts is None or not texts else texts
    there = [path for path in paths if _exists(path)]
    if source is None and len(there) < len(paths):
        missing = next(path for path in paths if path not in there)
        looks = Path(missing).suffix.lower() in _FILES and " " not in missing
        if there or (looks and wanted):
            raise PathNotFound(f"There is no file {missing}.", "Check the path.")
        if field is not None or id_field is not None or images:
            raise InvalidParameter("Texts have no fields.", "Give a file of JSON Lines or CSV.")
        return list(texts or ())
    return Entries(paths, field=field, id_field=id_field, images=images)


def _exists(path: str) -> bool:
    try:
        return Path(path).exists()
    except (OSError, ValueError):  # too long for a path, or a zero byte in it
        return False


def _check_ending(target: Path, keep_text: bool) -> None:
    from kinspace.errors import InvalidParameter

    if keep_text and target.suffix.lower() != ".parquet":
        raise InvalidParameter("Texts are kept in .parquet files only.", "Leave --keep-text out.")


def _cached(encoder: Encoder[Any], cache: bool | None) -> Encoder[Any]:
    """The encoder with a cache, or without, or as it comes."""
    from kinspace.caching import CachedEncoder

    if isinstance(encoder, CachedEncoder):
        return encoder.encoder if cache is False else encoder
    return CachedEncoder(encoder) if cache else encoder


def _print(
    encoder: Encoder[Any], items: list[str] | Entries, *, query: bool, as_json: bool
) -> None:
    from kinspace.bulk import Entry
    from kinspace.errors import EmptyInput

    listed = [one.item if isinstance(one, Entry) else one for one in items]
    if not listed:
        raise EmptyInput("There are no texts.", "Give at least one.")
    with output.progress("Encoding", "texts") as advance:
        work = encoder.encode_query if query else encoder.encode
        found = work(listed, progress=lambda done, total: advance(done, total, ""))
    plain = [_plain(one, found.space.form) for one in found]
    if as_json:
        rows = [{"text": str(t), "vector": v} for t, v in zip(listed, plain, strict=True)]
        output.print_json({"space": found.space.to_dict(), "vectors": rows})
        return
    for vector in plain:
        lines = vector if vector and isinstance(vector[0], list) else [vector]
        for line in lines:
            output.print_line(" ".join(_written(value) for value in line))
    _warn_of_cut(*_cut(encoder))


def _plain(vector: Any, form: str) -> list[Any]:
    """Numbers; of a sparse vector, (position, number)."""
    if form == "sparse":
        pairs = zip(vector.indices.tolist(), vector.data.tolist(), strict=True)
        return [(int(place), value) for place, value in pairs]
    found: list[Any] = vector.tolist()
    return found


def _written(value: Any) -> str:
    return f"{value[0]}:{value[1]:.6f}" if isinstance(value, tuple) else f"{value:.6f}"


def _write(
    encoder: Encoder[Any],
    items: list[str] | Entries,
    target: Path,
    query: bool,
    keep_text: bool,
    restart: bool,
    *,
    as_json: bool,
) -> None:
    from kinspace.bulk import Progress, encode_to_file

    with output.progress("Encoding", "texts") as advance:

        def tell(now: Progress) -> None:
            rate = "" if not now.tokens else f"{now.tokens / max(now.seconds, 1e-9):,.0f} tokens/s"
            left = (now.total or 0) - now.resumed
            advance(now.done - now.resumed, max(left, 0), rate)

        found = encode_to_file(
            encoder, items, target, side="query" if query else "document", keep_text=keep_text,
            restart=restart, progress=tell,
        )  # fmt: skip
    left_out = 0 if isinstance(items, list) else items.left_out
    if as_json:
        output.print_json(
            {
                "file": str(target), "vectors": found.rows, "space": found.space.to_dict(),
                "resumed": found.resumed, "seconds": round(found.seconds, 3),
                "tokens": found.tokens, "cut_texts": found.cut_texts,
                "cut_tokens": found.cut_tokens, "left_out": left_out,
            }
        )  # fmt: skip
        return
    output.note(f"{target}: {found.rows:,} vectors of {found.space}; {_speed(found)}")
    if left_out and not isinstance(items, list):
        first = next(iter(items.report.warnings), "")
        output.warn(f"{left_out:,} rows without text, or broken, were left out: {first}")
    _warn_of_cut(found.cut_texts, found.cut_tokens)


def _speed(found: Summary) -> str:
    new = found.rows - found.resumed
    seconds = max(found.seconds, 1e-9)
    parts = [f"{new:,} in {output.duration(found.seconds)}", f"{new / seconds:,.0f} texts/s"]
    if found.tokens:
        parts.append(f"about {found.tokens / seconds:,.0f} tokens/s")
    if found.resumed:
        parts.insert(0, f"{found.resumed:,} were done before")
    return ", ".join(parts)


def _cut(encoder: Any) -> tuple[int | None, int | None]:
    from kinspace.bulk.counting import cut_of

    return cut_of(encoder)


def _warn_of_cut(texts: int | None, tokens: int | None) -> None:
    """Say that texts were cut."""
    if texts:
        lost = "" if tokens is None else f"; {tokens:,} tokens of them were not read"
        output.warn(
            f"{texts:,} texts are longer than the model reads{lost}. "
            "With --long mean they are read in parts."
        )


def _estimate(
    encoder: Encoder[Any], items: list[str] | Entries, *, query: bool, as_json: bool
) -> None:
    from dataclasses import asdict

    from kinspace.bulk import estimate

    with output.progress("Counting", "texts") as advance:
        found = estimate(
            encoder, items, side="query" if query else "document",
            progress=lambda done: advance(done, 0, ""),
        )  # fmt: skip
    if as_json:
        output.print_json({"space": encoder.space.to_dict(), **asdict(found)})
        return
    for name, value in _lines(found).items():
        output.print_line(f"{name:<12}{value}")


def _lines(found: Any) -> dict[str, str]:
    """What an estimate says, by a name for each line."""
    again = found.texts - found.to_encode - found.cached
    parts = [f"{found.texts:,}"]
    parts += [f"{again:,} come again"] if again else []
    parts += [f"{found.cached:,} in the cache"] if found.cached else []
    lines = {"texts": ", ".join(parts)}
    if found.tokens is not None:
        lines["tokens"] = f"{found.tokens:,}"
    if found.cut_texts is not None:
        lines["cut"] = f"{found.cut_texts:,} texts, {found.cut_tokens:,} tokens beyond the longest"
    if found.seconds is not None:
        rate = f" ({found.texts_per_second:,.0f} texts/s)" if found.texts_per_second else ""
        lines["time"] = f"about {output.duration(found.seconds)}{rate}"
    if found.dollars is not None:
        lines["cost"] = f"about {found.dollars:,.4f} $, at {found.price}"
    return lines
