"""``kinspace index``, ``kinspace info`` and ``kinspace compact``."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from kinspace.cli import output, places

if TYPE_CHECKING:
    from kinspace.store import Collection
    from kinspace.store.sync import SyncReport

_NOTICES = 5
"""Files that were passed over by mishap and are named without --verbose."""

_FORMS = {"dense": "", "sparse": "sparse ", "multi": "several a record, "}

_BY_RULE = frozenset(
    ("binary", "collection", "empty", "generated", "hidden", "ignored", "link", "too large")
)


def index(
    paths: Annotated[
        list[Path], typer.Argument(help="Files and folders to read.", show_default=False)
    ],
    collection: Annotated[
        Path | None,
        typer.Option("--collection", "-c", help="The collection; in the cache if not given."),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(help="The model of a new collection, by name or path; it is remembered."),
    ] = None,
    text_field: Annotated[
        list[str] | None, typer.Option(help="Which field of JSON or CSV rows is the text.")
    ] = None,
    id_field: Annotated[str | None, typer.Option(help="Which field of a row is its id.")] = None,
    max_tokens: Annotated[int, typer.Option(help="The longest passage, in tokens.")] = 256,
    overlap: Annotated[
        int | None, typer.Option(help="Tokens repeated between passages; an eighth if not given.")
    ] = None,
    recall: Annotated[
        float | None,
        typer.Option(help="The share of the nearest passages to be found; 0.95 at first."),
    ] = None,
    hidden: Annotated[bool, typer.Option("--hidden", help="Read hidden files too.")] = False,
    no_ignore: Annotated[
        bool, typer.Option("--no-ignore", help="Do not obey .gitignore and .kinignore.")
    ] = False,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Only say what would be done, how long and how large."),
    ] = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Name every file that was passed over.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Read files into a collection; again, only what changed."""
    from kinspace.errors import PathNotFound
    from kinspace.read import ReadOptions
    from kinspace.store import Collection
    from kinspace.store.sync import sync

    options = ReadOptions(
        max_tokens=max_tokens,
        overlap=overlap,
        text_field=tuple(text_field or ()) or None,
        id_field=id_field,
        hidden=hidden,
        ignore_files=not no_ignore,
    )
    place = collection or places.collection_for(paths)
    is_new = not place.exists()
    for path in paths if is_new else ():
        if not path.exists():
            raise PathNotFound(f"There is no file or folder {str(path)!r}.", "Check the path.")
    try:
        with Collection.open(place, model, recall=recall) as opened:
            for repair in opened.repairs:
                output.warn(repair)
            with output.progress("Reading", "B", quiet=dry_run) as advance:
                report = sync(opened, list(paths), options, dry_run=dry_run, progress=advance)
            held = len(opened)
    finally:
        if dry_run and is_new:
            shutil.rmtree(place, ignore_errors=True)
    if as_json:
        output.print_json({"collection": str(place), "records": held, **report.to_dict()})
        return
    _tell(report, verbose=verbose)
    if not dry_run:
        output.out().print(f"{place}: {held:,} passages")


def bring_up(paths: list[Path]) -> Collection:
    """The cache's collection for some files, in step with them."""
    from kinspace.errors import CorruptStore, SpaceMismatch, StoreLocked
    from kinspace.loading import load
    from kinspace.store import Collection
    from kinspace.store.sync import sync

    place = places.collection_for(paths)
    encoder = load()
    try:
        opened = Collection.open(place, encoder)
    except (SpaceMismatch, CorruptStore):
        # Only a cache: after an update of the model, or damage, it is made again.
        shutil.rmtree(place)
        opened = Collection.open(place, encoder)
    try:
        with output.progress("Reading", "B") as advance:
            report = sync(opened, list(paths), progress=advance)
    except StoreLocked:
        output.warn(f"{place} is being brought up to date by another process: searching as it is")
        return opened
    except BaseException:
        opened.close()
        raise
    if report.added or report.changed or report.removed:
        _tell(report, verbose=False)
    return opened


def _tell(report: SyncReport, *, verbose: bool) -> None:
    """What was done, on stderr."""
    would = "would be " if report.dry_run else ""
    parts = [
        f"{len(files):,} {word}"
        for files, word in (
            (report.added, "new"), (report.changed, "changed"), (report.removed, "removed")
        )
        if files
    ]  # fmt: skip
    if report.unchanged:
        parts.append(f"{report.unchanged:,} unchanged")
    line = f"Files: {', '.join(parts) or 'none'}"
    if report.dry_run:
        line += (
            f". About {report.passages:,} passages {would}written in about "
            f"{output.duration(report.seconds)}, taking about {output.size(report.bytes)}"
        )
    else:
        line += f". {report.passages:,} passages read in {output.duration(report.seconds)}"
    output.note(line + ".")
    _tell_notices(report, verbose=verbose)


def _tell_notices(report: SyncReport, *, verbose: bool) -> None:
    told = [n for n in report.notices if verbose or n.reason not in _BY_RULE]
    for notice in told if verbose else told[:_NOTICES]:
        output.warn(str(notice))
    if not verbose and len(told) > _NOTICES:
        output.warn(f"… and {len(told) - _NOTICES} more; all with: kinspace index … --verbose")


def info(
    path: Annotated[
        Path, typer.Argument(help="A collection, or a file of embeddings.", show_default=False)
    ],
    check: Annotated[
        bool, typer.Option("--check", help="Look at every byte, and say what is wrong.")
    ] = False,
    salvage: Annotated[
        Path | None,
        typer.Option(help="Save what is left of a damaged collection into this new one."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> int:
    """Show what a collection holds; check it; save what is left of a damaged one."""
    from kinspace.store import Collection

    if path.is_file():
        return _file_info(path, as_json=as_json)
    if salvage is not None:
        return _salvage(path, salvage, as_json=as_json)
    with Collection.open(path, create=False, read_only=True) as opened:
        found: dict[str, Any] = opened.info().to_dict()
        if check:
            found["problems"] = opened.check()
            found["found"] = [one.to_dict() for one in opened.measure_recall()]
    if as_json:
        output.print_json(found)
    else:
        _tell_info(found)
    return 1 if found.get("problems") else 0


def _salvage(path: Path, target: Path, *, as_json: bool) -> int:
    from kinspace.store.care import salvage

    saved = salvage(path, target)
    if as_json:
        output.print_json({"records": saved.records, "without_vector": saved.without_vector})
    else:
        output.out().print(
            f"Saved {saved.records:,} records into {target}; "
            f"{saved.without_vector:,} of them lost their vector."
        )
    return 0


def _file_info(path: Path, *, as_json: bool) -> int:
    from kinspace.embeddings import Embeddings

    embeddings = Embeddings.load(path)
    found = {
        "path": str(path),
        "vectors": len(embeddings),
        "ids": embeddings.ids is not None,
        "space": embeddings.space.to_dict(),
    }
    if as_json:
        output.print_json(found)
    else:
        output.out().print(f"{path}: {embeddings!r}, {embeddings.space}")
    return 0


def _tell_info(found: dict[str, Any]) -> None:
    console = output.out()
    space = found["space"]
    sizes = dict(found["bytes"])
    total = sizes.pop("total")
    rows = [
        ("records", f"{found['records']:,} from {found['sources']:,} files"),
        ("model", f"{space['model']} [{space['fingerprint'][:8]}]"),
        ("vectors", f"{_FORMS[space['form']]}{space['dim']} × {found['dtype']}, "
                    f"{space['metric']}, {found['search']}"),
        ("recall", _recall(found)),
        ("size", f"{output.size(total)} ("
                 + ", ".join(f"{name} {output.size(n)}" for name, n in sizes.items()) + ")"),
        ("waiting", f"{found['waiting']:,} not in the keyword index yet (searched all the same)"),
        ("deleted", f"{found['deleted']:,} since the last compact"),
        ("writer", found["writer"] or "nobody"),
    ]  # fmt: skip
    if found["other"] is not None:
        rows.append(("beside", _beside(found["other"])))
    for name, value in rows:
        console.print(Text.assemble((f"{name:>8}  ", "cyan"), value))
    for repair in found["repairs"]:
        output.warn(repair)
    if any(one["high"] < one["promised"] for one in found["found"]):
        output.warn("Less is found than was promised: kinspace compact makes the index anew.")
    if "problems" in found:
        for problem in found["problems"]:
            output.warn(problem)
        console.print("Damaged." if found["problems"] else "Every byte is as it should be.")


def _recall(found: dict[str, Any]) -> str:
    """What is promised to be found, and what is, in words."""
    if not found["found"]:
        return "all of the nearest, since every vector is compared"
    measured = ", ".join(f"{one['recall']:.1%} of the {one['k']} nearest" for one in found["found"])
    return f"{found['recall']:.1%} promised; {measured} found"


def _beside(other: dict[str, Any]) -> str:
    """The second set of vectors, in words."""
    name, lacking = other["space"]["model"], other["lacking"]
    state = "being changed to" if other["is_new"] else "changed from"
    return f"{name} ({state} it)" + (f", {lacking:,} records are lacking" if lacking else "")


def compact(
    path: Annotated[Path, typer.Argument(help="A collection.", show_default=False)],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Give back the space of what was deleted."""
    from kinspace.store import Collection

    with Collection.open(path, create=False) as opened:
        done = opened.compact()
    if as_json:
        output.print_json({"before": done.before, "after": done.after})
    else:
        output.out().print(f"{path}: {output.size(done.before)} → {output.size(done.after)}")
