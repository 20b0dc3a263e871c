"""Which kind of file a name stands for."""

from __future__ import annotations

from typing import Literal

Kind = Literal[
    "text", "markdown", "rst", "html", "code", "json", "jsonl", "csv", "tsv", "notebook", "document"
]
"""How a file is read; one module of `kinspace.read.formats` for each."""

PACKED = {"gz": "gzip", "bz2": "bz2", "xz": "lzma", "zst": "kinspace.read.zst"}
"""Endings of single compressed files, and the module that opens them."""

_SUFFIXES: dict[Kind, str] = {
    "markdown": "md markdown mdown mkd mdx qmd rmd",
    "rst": "rst rest",
    "html": "html htm xhtml",
    "json": "json geojson",
    "jsonl": "jsonl ndjson",
    "csv": "csv",
    "tsv": "tsv tab",
    "notebook": "ipynb",
    "document": "pdf docx pptx xlsx",
    "code": (
        "py pyi pyx js mjs cjs ts jsx tsx vue svelte java kt kts scala groovy c h cc cpp cxx hh hpp"
        " cs go rs swift rb php pl pm lua r jl m mm hs ml mli ex exs erl clj cljs dart zig nim sh"
        " bash zsh fish ps1 bat sql css scss less proto graphql tf hcl cmake mk yaml yml toml ini"
        " cfg conf properties"
    ),
}
_NO_TEXT = (
    "png jpg jpeg gif bmp tif tiff webp ico icns svg psd ai eps heic avif raw mp3 wav ogg flac m4a"
    " aac wma mp4 mkv avi mov webm wmv flv zip tar tgz tbz2 txz 7z rar lz4 br jar war apk deb"
    " rpm dmg iso img exe dll so dylib a o obj lib pyc pyo pyd class wasm bin dat npy npz mat pkl"
    " pickle joblib pt pth ckpt safetensors onnx gguf h5 hdf5 parquet arrow feather avro orc sqlite"
    " sqlite3 db mdb ttf otf woff woff2 eot doc xls ppt odt ods odp epub mobi pgm ppm"
)
_BINARY = frozenset(_NO_TEXT.split())
_GENERATED = (".min.js", ".min.css", ".map", ".lock", "-lock.json", "-lock.yaml", ".tsbuildinfo")
_BY_SUFFIX: dict[str, Kind] = {s: kind for kind, all_ in _SUFFIXES.items() for s in all_.split()}
_BY_NAME: dict[str, Kind] = {"makefile": "code", "dockerfile": "code", "cmakelists.txt": "code"}


def split_packed(name: str) -> tuple[str, str | None]:
    """The name without the ending of a compressed file, and that ending (``"gz"``) or ``None``.

    Examples
    --------
    >>> split_packed("notes.txt.gz"), split_packed("notes.txt")
    (('notes.txt', 'gz'), ('notes.txt', None))
    """
    stem, _, suffix = name.rpartition(".")
    return (stem, suffix.lower()) if stem and suffix.lower() in PACKED else (name, None)


def kind_of(name: str) -> Kind | None:
    """The kind of file that a name stands for, ``None`` if it is not text.

    A name that says nothing is taken for plain text; the content is looked at when it is read.

    Examples
    --------
    >>> kind_of("guide.md"), kind_of("rows.jsonl.gz"), kind_of("README"), kind_of("cat.png")
    ('markdown', 'jsonl', 'text', None)
    """
    stem, packed = split_packed(name.lower())
    suffix = stem.rpartition(".")[2] if "." in stem[1:] else ""
    if suffix in _BINARY:
        return None
    kind = _BY_NAME.get(stem) or _BY_SUFFIX.get(suffix, "text")
    return None if packed and kind == "document" else kind


def is_generated(name: str) -> bool:
    """Whether a file was made by a program for a program: minified scripts, lock files.

    Examples
    --------
    >>> is_generated("jquery.min.js"), is_generated("jquery.js")
    (True, False)
    """
    return name.lower().endswith(_GENERATED)
