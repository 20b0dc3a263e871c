"""Where a model runs and in which precision: what the machine can do decides, unless told."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, Literal

from kinspace.errors import InvalidParameter, MissingExtra, require_choice

Precision = Literal["auto", "float32", "bfloat16", "float16", "int8"]

_OTHER_CODE: Final = ("NUMBA_CPU_NAME", "NUMBA_CPU_FEATURES", "NUMBA_DISABLE_JIT")
_TILES: Final = ("amx-tile", "amx-bf16", "avx512bf16")


@dataclass(frozen=True, slots=True)
class Setting:
    """Where a model runs; not part of its space.

    Attributes
    ----------
    device : str
        As torch names it: ``"cpu"``, ``"cuda:0"``, ``"mps"``.
    precision : {"float32", "bfloat16", "float16", "int8"}
        Of the transformer; what comes after it is always float32.
    why : str
        What decided, as a clause: ``"the processor multiplies bfloat16 (AMX)"``.
    """

    device: str
    precision: str
    why: str

    @property
    def dtype(self) -> Any:
        """The torch dtype of the transformer's states: float32 for int8, which weights are in."""
        import torch

        return torch.float32 if self.precision == "int8" else getattr(torch, self.precision)


def choose(device: str = "auto", precision: Precision = "auto") -> Setting:
    """Choose where to run, and in which precision.

    Parameters
    ----------
    device : str
        ``"auto"`` takes a GPU where torch sees one, else the processor.
    precision : {"auto", "float32", "bfloat16", "float16", "int8"}
        ``"auto"`` takes the fastest that the device has instructions for.

    Raises
    ------
    InvalidParameter
        If there is no such device here, or it cannot do this precision.
    MissingExtra
        If torch is not installed.
    """
    require_choice("precision", precision, Precision)
    try:
        import torch
    except ImportError as error:
        raise MissingExtra("A transformer", "neural") from error
    place = _device(torch, device)
    kind = place.split(":")[0]
    if precision != "auto":
        _check(kind, precision)
        return Setting(place, precision, "asked for")
    if kind == "cuda":
        if torch.cuda.is_bf16_supported(including_emulation=False):
            return Setting(place, "bfloat16", "the GPU multiplies bfloat16")
        return Setting(place, "float16", "the GPU multiplies float16")
    if kind == "mps":
        return Setting(place, "float16", "the GPU multiplies float16")
    if has_amx():
        return Setting(place, "bfloat16", "the processor multiplies bfloat16 (AMX)")
    if _cpu("_is_avx512_bf16_supported"):
        return Setting(place, "bfloat16", "the processor multiplies bfloat16 (AVX512-BF16)")
    return Setting(place, "float32", "the processor does not multiply bfloat16")


def has_amx() -> bool:
    """Whether this processor has tiles of bfloat16 (AMX), and the system lets them be used."""
    return _cpu("_is_amx_tile_supported")


@cache
def has_tiles() -> bool:
    """Whether our own kernels for tiles may run; asks the system for leave, once.

    They are made for this very processor: not where numba is told to make code for another.
    """
    if any(os.environ.get(name) for name in _OTHER_CODE) or not has_amx():
        return False
    from llvmlite import binding

    features = binding.get_host_cpu_features()
    return all(features.get(name) for name in _TILES) and _cpu("_init_amx")


def _device(torch: Any, device: str) -> str:
    if device == "auto":
        if torch.cuda.is_available():
            return "cuda:0"
        return "mps" if torch.backends.mps.is_available() else "cpu"
    try:
        place = torch.device(device)
    except (RuntimeError, TypeError) as error:
        raise InvalidParameter(
            f"Unknown device {device!r}.", 'Give "auto", "cpu", "cuda", "cuda:1" or "mps".'
        ) from error
    if place.type == "cuda":
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        if (place.index or 0) >= count:
            raise InvalidParameter(
                f"{device} was asked for, and torch {torch.__version__} sees {count} CUDA devices.",
                'Give device="cpu" (or "auto"), or install a torch that is built for CUDA.',
            )
        return f"cuda:{place.index or 0}"
    if place.type == "mps" and not torch.backends.mps.is_available():
        raise InvalidParameter("mps was asked for, and there is none here.", 'Give device="cpu".')
    return str(device)


def _check(kind: str, precision: str) -> None:
    if kind == "cpu" and precision == "float16":
        raise InvalidParameter(
            "float16 is slower than float32 on a processor.", 'Give precision="bfloat16" or "auto".'
        )
    if kind != "cpu" and precision == "int8":
        raise InvalidParameter("int8 runs on processors only.", 'Give precision="auto".')


def _cpu(name: str) -> bool:
    """What torch knows of the processor; False where this torch does not know of it."""
    import torch

    known = getattr(torch.cpu, name, None)
    return bool(known and known())
