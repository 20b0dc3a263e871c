"""Where a model runs: chosen by what the machine can do, refused where it cannot."""

import pytest

from kinspace.errors import InvalidParameter
from kinspace.pretrained.neural.running import setting
from kinspace.pretrained.neural.running.setting import choose

torch = pytest.importorskip("torch")


@pytest.mark.parametrize(
    ("can", "precision", "why"),
    [
        ({"_is_amx_tile_supported", "_is_avx512_bf16_supported"}, "bfloat16", "AMX"),
        ({"_is_avx512_bf16_supported"}, "bfloat16", "AVX512-BF16"),
        (set(), "float32", "does not multiply bfloat16"),
    ],
)
def test_the_processor_decides(monkeypatch, can, precision, why):
    monkeypatch.setattr(setting, "_cpu", lambda name: name in can)
    found = choose("cpu")
    assert (found.device, found.precision) == ("cpu", precision)
    assert why in found.why


def test_what_is_asked_for_is_taken():
    assert choose("cpu", "float32").why == "asked for"
    assert choose("cpu", "bfloat16").dtype == torch.bfloat16
    assert choose("cpu", "int8").dtype == torch.float32


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
@pytest.mark.parametrize("device", ["cuda", "cuda:3"])
def test_a_gpu_that_is_not_there(device):
    with pytest.raises(InvalidParameter, match=r"sees 0 CUDA devices.*device=\"cpu\""):
        choose(device)


@pytest.mark.parametrize(
    ("device", "precision", "words"),
    [
        ("gpu", "auto", "Unknown device"),
        ("cpu", "half", "Unknown precision"),
        ("cpu", "float16", "slower than float32"),
    ],
)
def test_what_cannot_be(device, precision, words):
    with pytest.raises(InvalidParameter, match=words):
        choose(device, precision)


@pytest.mark.parametrize("name", ["NUMBA_CPU_NAME", "NUMBA_DISABLE_JIT"])
def test_no_kernels_of_ours_where_numba_makes_code_for_another_processor(monkeypatch, name):
    monkeypatch.setenv(name, "1")
    assert not setting.has_tiles.__wrapped__()
