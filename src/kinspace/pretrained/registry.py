"""Which models are at hand, what a name stands for, and loading by name."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from kinspace.errors import InvalidParameter, ModelNotFound, ReadError

if TYPE_CHECKING:
    from kinspace.encoder import Encoder
    from kinspace.space import Form, Space

Kind = Literal[
    "static", "learned", "words", "provider",
    "dense", "sparse", "multi", "clip", "image", "reranker",
]  # fmt: skip
DEFAULT: Final = "default"
_DEFAULT_FOLDER: Final = Path(__file__).parent / "default"
_DEFAULT_LICENCE: Final = "Apache-2.0"

_CLASSES: Final = {
    "dense": ("kinspace.pretrained.neural.dense.encoder", "TransformerEncoder"),
    "sparse": ("kinspace.pretrained.neural.sparse.splade", "SpladeEncoder"),
    "multi": ("kinspace.pretrained.neural.late.encoder", "MultiVectorEncoder"),
    "clip": ("kinspace.pretrained.neural.vision.clip", "ClipEncoder"),
    "image": ("kinspace.pretrained.neural.vision.images", "ImageEncoder"),
    "reranker": ("kinspace.pretrained.neural.reranking.reranker", "Reranker"),
}
"""What runs a model of each kind: the module, imported when it is needed, and the class."""

_FORMS: Final[dict[str, Form]] = {"sparse": "sparse", "multi": "multi"}
_STATIC_OPTIONS: Final = ("normalize", "max_length", "threads", "pooling")


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """What is known of a model without loading it.

    Attributes
    ----------
    name : str
        What :func:`load` takes.
    kind : str
        ``"static"``, a table of tokens; ``"learned"`` with Kinspace; ``"words"``, a file of word
        vectors; ``"provider"``, behind an API; or a neural model that gives one vector
        (``"dense"``), words with weights (``"sparse"``), a vector for each token (``"multi"``),
        one space for texts and images (``"clip"``), vectors of images (``"image"``) or scores of
        pairs (``"reranker"``).
    where : str
        The folder; empty if the model is not on this machine.
    dim : int or None
        The length of its vectors, if its files say so.
    bytes : int
        The size of its files.
    licence : str
        As the model's files state it; empty if they do not.
    at_hand : bool
        Whether it can be loaded without a download.
    note : str
        Where it comes from, how to get it, or what is wrong with its files.
    architecture : str
        Of a neural model: ``"BertModel"``.
    modules : tuple of str
        Of a sentence-transformers folder, in order.
    pooling : tuple of str
        How the vectors of tokens become one, where they do.
    prompts : dict of str to str
        What stands before texts, by name.
    longest : int or None
        The most tokens of a text, where the files limit it.
    metric : str
        How its vectors are compared.
    """

    name: str
    kind: Kind
    where: str = ""
    dim: int | None = None
    bytes: int = 0
    licence: str = ""
    at_hand: bool = False
    note: str = ""
    architecture: str = ""
    modules: tuple[str, ...] = ()
    pooling: tuple[str, ...] = ()
    prompts: dict[str, str] = field(default_factory=dict)
    longest: int | None = None
    metric: str = "cosine"


def load(
    name: str | Path = DEFAULT, *, kind: str | None = None, download: bool = False, **options: Any
) -> Encoder[Any]:
    """Load a model by name or path.

    Parameters
    ----------
    name : str or Path
        ``"default"`` for the shipped static model of English; a folder in the layout of model2vec,
        sentence-transformers or transformers; the name of a model, such as
        ``"all-MiniLM-L6-v2"``, that an installed package or the hub's cache holds; or a model
        behind an API, such as ``"openai:text-embedding-3-small"``.
    kind : {"dense", "sparse", "multi", "clip", "image", "reranker"}, optional
        How a neural model is taken, where its files allow several ways: a masked language model
        as a sparse encoder, a dense one as XTR. By default the files tell.
    download : bool
        Whether the model may be fetched from the hub if it is nowhere on this machine.
    **options
        What the class of such a model takes, for example ``dim=256``, ``pooling="cls"``,
        ``long="mean"``, ``device="cpu"`` for a dense transformer.

    Returns
    -------
    Encoder
        The class depends on the model's files; a cross-encoder gives a
        :class:`~kinspace.pretrained.neural.reranking.reranker.Reranker`, which is none. What an API
        gives is kept on the disk and never paid for twice.

    Raises
    ------
    ModelNotFound
        If there is no such model; the message lists those at hand.
    ReadError
        If a model's files are incomplete or damaged.
    InvalidParameter
        If such a model has no such option.

    Examples
    --------
    >>> import kinspace as ks
    >>> model = ks.load()
    >>> vectors = model.encode(["a cat", "a kitten", "a car"])
    >>> vectors.nearest(vectors[:1], k=2).ids
    [0, 1]
    """
    from kinspace.pretrained import folder as files
    from kinspace.pretrained.providers import open_provider

    if kind is not None and kind not in _CLASSES:
        raise InvalidParameter(f"Unknown kind {kind!r}.", f"Choose one of: {', '.join(_CLASSES)}.")
    provider = open_provider(name, **options)
    if provider is not None:
        from kinspace.caching import CachedEncoder

        return CachedEncoder(provider)
    place = _find(name, download=download)
    if files.is_static(place):
        from kinspace.pretrained.static import StaticEncoder

        _check_options("A static model", options, _STATIC_OPTIONS)
        return StaticEncoder.load(place, name=_short(name)).set_params(**options)
    from kinspace.pretrained.neural.folders.layout import read_layout

    module, title = _CLASSES[kind or read_layout(place).kind]
    made = getattr(import_module(module), title)
    _check_options(title, options, tuple(made._names()))
    encoder: Encoder[Any] = made(name, download=download, **options)
    return encoder


def describe(name: str | Path = DEFAULT) -> ModelInfo:
    """What a name or path stands for, without loading the model.

    Raises
    ------
    ModelNotFound
        If there is no such model on this machine; the message lists those at hand.
    ReadError
        If its files are incomplete or damaged.

    Examples
    --------
    >>> describe("default").kind
    'static'
    """
    place = _find(name, download=False)
    return _look(place, str(name), "shipped with Kinspace" if place == _DEFAULT_FOLDER else "")


def space_of(info: ModelInfo) -> Space | None:
    """The space of a neural model's vectors, from its files; None where they do not tell."""
    if info.kind not in _CLASSES or info.kind == "reranker" or info.dim is None or not info.where:
        return None
    from kinspace.pretrained.neural.folders.layout import fingerprint, read_layout
    from kinspace.space import Space

    layout = read_layout(Path(info.where))
    form = _FORMS.get(info.kind, "dense")
    return Space(Path(info.name).name, fingerprint(layout), info.dim, layout.metric, form)


def kind_of(encoder: Encoder[Any]) -> str | None:
    """The ``kind`` by which :func:`load` gives such an encoder; None where its files tell."""
    made = (type(encoder).__module__, type(encoder).__name__)
    kind = next((kind for kind, named in _CLASSES.items() if named == made), None)
    layout = getattr(encoder, "layout", None)
    return None if kind is None or layout is None or layout.kind == kind else kind


def models() -> list[ModelInfo]:
    """The models that :func:`load` knows by name: the default, those in packages and caches."""
    from kinspace.pretrained.resolve import CARRIED, hub_cache, resolve

    found = []
    if _DEFAULT_FOLDER.is_dir():
        found.append(_look(_DEFAULT_FOLDER, DEFAULT, "shipped with Kinspace"))
    for full, (package, _) in CARRIED.items():
        name, wheel = full.rpartition("/")[2], package.replace("_", "-")
        try:
            found.append(_listed(resolve(full), name, f"from the package {wheel}"))
        except ModelNotFound:
            found.append(ModelInfo(name, "dense", note=f"pip install {wheel}"))
    for folder in sorted(hub_cache().glob("models--*")):
        full = folder.name.removeprefix("models--").replace("--", "/", 1)
        try:
            info = _listed(resolve(full), full, "from the hub's cache")
        except ModelNotFound:  # a download that was broken off
            continue
        found = [other for other in found if other.where != info.where]
        found.append(info)
    return found


def _find(name: str | Path, *, download: bool) -> Path:
    if name == DEFAULT:
        if _DEFAULT_FOLDER.is_dir():
            return _DEFAULT_FOLDER
        raise ModelNotFound(
            f"The default model is missing from {_DEFAULT_FOLDER}.", "Install kinspace again."
        )
    from kinspace.pretrained.resolve import resolve

    try:
        place = resolve(name, download=download)
    except ModelNotFound as error:
        names = ", ".join(info.name for info in models() if info.at_hand)
        raise ModelNotFound(error.message, f"{error.remedy} At hand: {names}.") from error
    if not any((place / file).is_file() for file in ("config.json", "modules.json")):
        raise ModelNotFound(
            f"There is no model in {place}.",
            "A model's folder has a config.json, a tokenizer.json and a model.safetensors.",
        )
    return place


def _listed(folder: Path, name: str, note: str) -> ModelInfo:
    """A model for a list, where a damaged one is named and hides no other."""
    try:
        return _look(folder, name, note)
    except ReadError as error:
        return ModelInfo(name, "dense", str(folder), note=f"damaged: {error.message}")


def _look(folder: Path, name: str, note: str) -> ModelInfo:
    from kinspace.pretrained import folder as files
    from kinspace.pretrained.neural.folders.layout import licence_of, read_layout

    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    if files.is_static(folder):
        info = ModelInfo(
            name, "static", str(folder), files.dim_of(folder), size, licence_of(folder), True, note
        )
        return replace(info, licence=_DEFAULT_LICENCE) if folder == _DEFAULT_FOLDER else info
    layout = read_layout(folder)
    return ModelInfo(
        name=name,
        kind=layout.kind,
        where=str(folder),
        dim=layout.dim,
        bytes=size,
        licence=layout.licence,
        at_hand=True,
        note=note or _source(folder, name),
        architecture=layout.architecture,
        modules=layout.modules,
        pooling=layout.pooling,
        prompts=layout.prompts,
        longest=layout.longest,
        metric=layout.metric,
    )


def _source(folder: Path, name: str) -> str:
    """Where a folder that a name stands for comes from."""
    from kinspace.pretrained.resolve import hub_cache

    if Path(name).is_dir():
        return "a folder"
    return "from the hub's cache" if folder.is_relative_to(hub_cache()) else "from a package"


def _check_options(what: str, options: dict[str, Any], known: tuple[str, ...]) -> None:
    for name in options:
        if name not in known or name == "name":
            raise InvalidParameter(
                f"{what} has no option {name!r}.",
                f"It has: {', '.join(one for one in known if one != 'name')}.",
            )


def _short(name: str | Path) -> str:
    return Path(name).expanduser().resolve().name if Path(name).is_dir() else str(name)
