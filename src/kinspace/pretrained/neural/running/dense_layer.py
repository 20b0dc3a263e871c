"""One dense layer on a processor, in the precision that is asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kinspace.pretrained.neural.running.setting import Setting

Dense = Callable[[Any], Any]
"""From rows (n, in) to rows (n, out)."""


def dense(modules: list[Any], setting: Setting) -> Dense:
    """Dense layers that read the same rows, as one: their results lie side by side.

    Parameters
    ----------
    modules : list of torch.nn.Linear
        In float32.
    setting : Setting
        ``"bfloat16"`` uses oneDNN's own order of weights, where torch has it.
    """
    import torch

    weight = torch.cat([module.weight for module in modules]).detach()
    bias = torch.cat([module.bias for module in modules]).detach()
    if setting.precision == "int8":
        return _int8(weight, bias)
    weight, bias = weight.to(setting.dtype), bias.to(setting.dtype)
    if setting.precision == "bfloat16" and torch.backends.mkldnn.is_available():
        multiply = torch.ops.mkldnn._linear_pointwise
        ordered = torch.ops.mkldnn._reorder_linear_weight(weight.contiguous())
        return lambda rows: multiply(rows, ordered, bias, "none", [], "")
    return lambda rows: torch.nn.functional.linear(rows, weight, bias)


def by_int8(model: Any) -> None:
    """Let every dense layer of a model multiply int8; its weights stay for who asks for them."""
    import torch

    def forward(multiply: Dense) -> Dense:
        return lambda states: multiply(states.flatten(0, -2)).unflatten(0, states.shape[:-1])

    for module in model.modules():
        if type(module) is torch.nn.Linear:
            bias = torch.zeros(module.out_features) if module.bias is None else module.bias
            module.forward = forward(_int8(module.weight.detach(), bias.detach()))


def _int8(weight: Any, bias: Any) -> Dense:
    """Weights as int8, each row by its own scale; rows that come in are made int8 one by one.

    Products are summed in int32: dynamic quantisation (Zafrir et al. 2019, "Q8BERT").
    """
    import torch

    scale = weight.abs().amax(1).clamp_min(1e-12) / 127
    whole = (weight / scale[:, None]).round().clamp(-127, 127).to(torch.int8).t()

    def multiply(rows: Any) -> Any:
        size = rows.abs().amax(1, keepdim=True).clamp_min(1e-12) / 127
        small = (rows / size).round().to(torch.int8)
        return torch._int_mm(small, whole).float() * size * scale + bias

    return multiply
