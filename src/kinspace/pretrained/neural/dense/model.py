"""Opening a dense model: what its files hold becomes a way from texts to vectors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from kinspace.errors import InvalidParameter, KinspaceError, ReadError
from kinspace.pretrained.neural.dense.ways import ByBackbone, ByModules
from kinspace.pretrained.neural.folders.layout import Layout
from kinspace.pretrained.neural.folders.opening import open_model, quiet
from kinspace.pretrained.neural.folders.weights import seem_others
from kinspace.pretrained.neural.running.backbone import open_backbone
from kinspace.pretrained.neural.running.setting import Precision, Setting, choose
from kinspace.pretrained.neural.running.tokens import Tokenizer
from kinspace.pretrained.overlong import Long

_ENDLESS: Final = 1 << 30
_UNSTATED: Final = 8192
"""Tokens of a text where neither files nor positions limit them: memory does."""


@dataclass(frozen=True)
class Wishes:
    """What a caller wants otherwise than the model's files say; None where they decide.

    Attributes
    ----------
    pooling : tuple of str or None
    max_length : int or None
    long : {"truncate", "mean", "error"}
    skips_prompt : bool
        Whether the prompt is left out of the pooling, also where the files do not say so.
    """

    pooling: tuple[str, ...] | None = None
    max_length: int | None = None
    long: Long = "truncate"
    skips_prompt: bool = False


@dataclass(frozen=True)
class DenseModel:
    """A dense model, ready to run.

    Attributes
    ----------
    way : ByBackbone or ByModules
    setting : Setting
    dim : int
    pooling : tuple of str
        How tokens are pooled; empty where the modules have no pooling.
    longest : int or None
        The most tokens of a text.
    """

    way: ByBackbone | ByModules
    setting: Setting
    dim: int
    pooling: tuple[str, ...]
    longest: int | None


def open_dense(
    layout: Layout, device: str, precision: Precision, wishes: Wishes, budget: int
) -> DenseModel:
    """Open a model that sentence-transformers can read.

    Parameters
    ----------
    layout : Layout
    device, precision : str
        As for :func:`~kinspace.pretrained.neural.running.setting.choose`.
    wishes : Wishes
    budget : int
        The most tokens of a batch.

    Raises
    ------
    ReadError
        If sentence-transformers cannot load it.
    InvalidParameter
        If the model has nothing that a wish could change.
    """
    setting = choose(device, precision)
    model = open_model("SentenceTransformer", layout.folder)
    if model.transformers_model is not None:
        _require_weights(model.transformers_model, layout)
    first, pooling = model[0], next((one for one in model if _name(one) == "Pooling"), None)
    way: ByBackbone | ByModules
    longest: int | None = None
    if not _is_plain(first):
        _refuse(wishes, precision, model)
        setting = Setting(setting.device, "float32", f"{_name(first)} runs by its own code")
        way = ByModules(model.to(setting.device))
    else:
        if len(model) == 1:
            raise ReadError(
                f"The modules of {layout.folder} end with the transformer: nothing makes one "
                "vector of its tokens.",
                "Add a Pooling to its modules.json, or remove that file and give pooling=.",
            )
        _repool(pooling, wishes)
        longest = _longest(first, wishes)
        way = ByBackbone(
            Tokenizer(first.tokenizer, longest, wishes.long),
            open_backbone(first.model, setting),
            [module.to(setting.device) for module in list(model)[1:]],
            skips_prompt=pooling is not None and not pooling.include_prompt,
            sees_every_layer=bool(getattr(first.model.config, "output_hidden_states", False)),
            device=setting.device,
            budget=budget,
        )
    modes = () if pooling is None else pooling.pooling_mode
    named = (modes,) if isinstance(modes, str) else tuple(modes)
    return DenseModel(way, setting, _dim(way, named, wishes), named, longest)


def _require_weights(model: Any, layout: Layout) -> None:
    """Raise :class:`ReadError` if the files left most of a transformer with random weights."""
    wanted = list(model.state_dict())
    if not seem_others(layout.transformer, wanted):
        return
    with quiet():
        _, found = type(model).from_pretrained(
            str(layout.transformer), config=model.config, output_loading_info=True
        )
    missing = sorted(found["missing_keys"])
    if 2 * len(missing) > len(wanted):
        raise ReadError(
            f"The weights in {layout.transformer} are those of another model: of {len(wanted)} "
            f"tensors, {len(missing)} are missing, for example {missing[0]}.",
            "Get the model again.",
        )


def _is_plain(first: Any) -> bool:
    """Whether a module is a transformer that turns plain texts into states of tokens."""
    if _name(first) != "Transformer" or first.module_output_name != "token_embeddings":
        return False
    text = first.modality_config.get("text", {})
    usual = text.get("method") == "forward" and text.get("method_output_name") in (
        "last_hidden_state",
        ("last_hidden_state",),
        ["last_hidden_state"],
    )
    return usual and "message" not in first.modality_config and not first.processing_kwargs


def _refuse(wishes: Wishes, precision: str, model: Any) -> None:
    """Raise :class:`InvalidParameter` if there is a wish; this model cannot fulfil any."""
    said = {
        "precision": None if precision in ("auto", "float32") else precision,
        "pooling": wishes.pooling,
        "max_length": wishes.max_length,
        "long": None if wishes.long == "truncate" else wishes.long,
        "instruction": wishes.skips_prompt or None,
    }
    for name, value in said.items():
        if value is not None:
            raise InvalidParameter(
                f"This model begins with {_name(model[0])} and is run by its own code; {name} "
                "cannot be changed.",
                f"Leave {name} out.",
            )


def _repool(pooling: Any, wishes: Wishes) -> None:
    """Give the pooling of a model what is wished of it."""
    if pooling is None:
        if wishes.pooling is not None or wishes.skips_prompt:
            raise InvalidParameter(
                "This model has no pooling that could be changed.",
                "Leave pooling and instruction out.",
            )
        return
    if wishes.pooling is not None:
        named = wishes.pooling
        pooling.pooling_mode = named[0] if len(named) == 1 else named
        pooling.pooling_output_dimension = pooling.embedding_dimension * len(named)
    if wishes.skips_prompt:
        pooling.include_prompt = False


def _longest(first: Any, wishes: Wishes) -> int:
    """The most tokens of a piece: what the caller or the files say, as far as there are places."""
    places = _places(first.model)
    if wishes.max_length is not None and wishes.max_length > places:
        raise InvalidParameter(
            f"max_length is {wishes.max_length}; the model has places for {places} tokens.",
            f"Give at most {places}.",
        )
    stated = wishes.max_length or first.max_seq_length
    return min(int(stated), places) if stated and stated < _ENDLESS else min(places, _UNSTATED)


def _places(model: Any) -> int:
    """For how many tokens a model has positions."""
    places = getattr(model.config, "max_position_embeddings", None)
    if not places or places < 0:  # XLNet writes -1
        return _ENDLESS
    table = next(
        (part for name, part in model.named_modules() if name.endswith("position_embeddings")), None
    )
    padding = getattr(table, "padding_idx", None)  # RoBERTa counts from behind the padding's
    return int(places) if padding is None else int(places) - padding - 1


def _dim(way: ByBackbone | ByModules, pooling: tuple[str, ...], wishes: Wishes) -> int:
    """The length of a vector."""
    try:
        return way.dim
    except KinspaceError:
        raise
    except (RuntimeError, IndexError, KeyError) as error:
        if wishes.pooling is None:
            raise
        raise InvalidParameter(
            f"After pooling by {' and '.join(pooling)}, the model's next module fails: {error}.",
            "Leave pooling out, or name as many ways as the files do.",
        ) from error


def _name(module: Any) -> str:
    return type(module).__name__
