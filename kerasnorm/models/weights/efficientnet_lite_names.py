"""From the names and shapes of EfficientNet-Lite in PyTorch to those of Keras."""

from collections.abc import Iterator, Sequence

import numpy as np

OUTSIDE_BLOCKS = {
    "_conv_stem": "stem_conv",
    "_bn0": "stem_norm",
    "_conv_head": "head_conv",
    "_bn1": "head_norm",
    "_fc": "classifier",
}
INSIDE_BLOCKS = {
    "_expand_conv": "expand_conv",
    "_bn0": "expand_norm",
    "_depthwise_conv": "depthwise_conv",
    "_bn1": "depthwise_norm",
    "_project_conv": "project_conv",
    "_bn2": "project_norm",
}
# In the order in which a layer of Keras keeps its variables.
VARIABLES = ("weight", "bias", "running_mean", "running_var")


def layer_numbers(
    state: dict[str, np.ndarray], blocks: Sequence[str]
) -> Iterator[tuple[str, dict[str, np.ndarray]]]:
    """Yield the name of each layer of Keras and its numbers.

    Args:
        state: Arrays by PyTorch's names.
        blocks: Names of the network's blocks, in order.
    """
    for module in dict.fromkeys(name.rpartition(".")[0] for name in state):
        layer = _layer_name(module, blocks)
        values = [
            state[f"{module}.{variable}"]
            for variable in VARIABLES
            if f"{module}.{variable}" in state
        ]
        if values[0].ndim == 4:
            # Kernels of (out, in, height, width); a depthwise one has one input.
            order = (2, 3, 0, 1) if layer.endswith("depthwise_conv") else (2, 3, 1, 0)
            values[0] = values[0].transpose(order)
        elif values[0].ndim == 2:
            values[0] = values[0].T
        yield layer, {str(n): value for n, value in enumerate(values)}


def _layer_name(module: str, blocks: Sequence[str]) -> str:
    _, _, inside = module.partition("_blocks.")
    if not inside:
        return OUTSIDE_BLOCKS[module]
    number, _, layer = inside.partition(".")
    return f"{blocks[int(number)]}_{INSIDE_BLOCKS[layer]}"
