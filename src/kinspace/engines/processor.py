"""What this processor can do that our own vector code asks for."""

from __future__ import annotations

import ctypes
import os
import platform
import sys
from functools import cache
from typing import Final

_OTHER_CODE: Final = (
    "NUMBA_CPU_NAME", "NUMBA_CPU_FEATURES", "NUMBA_ENABLE_AVX", "NUMBA_DISABLE_JIT",
)  # fmt: skip
_ARCH_PRCTL: Final = 158
_ARCH_REQ_XCOMP_PERM: Final = 0x1023
_XTILE_DATA: Final = 18


@cache
def has(*features: str) -> bool:
    """Whether the processor has some features, by LLVM's names, such as ``"avx512vnni"``.

    False where numba is told to make code for another processor.
    """
    if any(os.environ.get(name) for name in _OTHER_CODE):
        return False
    from llvmlite import binding

    known = binding.get_host_cpu_features()
    return all(known.get(name) for name in features)


@cache
def reads_float16() -> bool:
    """Whether compiled code can read float16: x86 needs F16C for it, other processors just do."""
    return platform.machine() not in ("x86_64", "AMD64", "i686") or has("f16c")


@cache
def has_byte_tiles() -> bool:
    """Whether tiles of bytes (AMX-INT8) may be used; asks the system for leave, once."""
    return has("amx-tile", "amx-int8", "avx512f", "avx512bw", "avx512vl") and _may_use_tiles()


@cache
def has_number_tiles() -> bool:
    """Whether tiles of bfloat16 (AMX-BF16) may be used; asks the system for leave, once."""
    return has("amx-tile", "amx-bf16", "avx512bf16", "avx512bw", "avx512vl") and _may_use_tiles()


@cache
def _may_use_tiles() -> bool:
    """Linux keeps tiles from programs that have not asked (arch_prctl(2))."""
    if not sys.platform.startswith("linux") or platform.machine() != "x86_64":
        return False
    system = ctypes.CDLL(None, use_errno=True)
    return bool(system.syscall(_ARCH_PRCTL, _ARCH_REQ_XCOMP_PERM, _XTILE_DATA) == 0)
