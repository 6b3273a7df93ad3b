"""The contract of every layer: one row each, and the inputs it must hold for.

A new layer is one new row of `ROWS`; `tests/layers/test_contract.py` runs them all.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np

from kerasnorm import layers
from tests.reference import convolutions, norms

# Names of shapes and scales that have broken norms before, channels last.
NORM_INPUTS = {
    "odd sizes": ((2, 3, 5, 6), 0.0, 1.0),
    "two parts of pixels": ((1, 4, 8, 3), 0.5, 1.0),
    "indivisible pixels": ((2, 17, 1, 3), 0.5, 1.0),
    "one pixel": ((4, 1, 1, 6), 0.5, 1.0),
    "one channel": ((3, 4, 5, 1), 0.5, 1.0),
    "one sample": ((1, 3, 3, 6), 0.5, 1.0),
    "rank 2": ((5, 6), 0.5, 1.0),
    "rank 3": ((2, 7, 3), 0.5, 1.0),
    "rank 5": ((2, 2, 3, 2, 3), 0.5, 1.0),
    "large offset": ((2, 4, 5, 3), 1e4, 1.0),
    "tiny scale": ((2, 4, 4, 3), 0.5e-6, 1e-6),
    "huge scale": ((2, 4, 4, 3), 0.5e6, 1e6),
}
IMAGE_INPUTS = {
    "odd sizes": ((2, 5, 7, 3), 0.0, 1.0),
    "even sizes": ((1, 6, 4, 2), 0.5, 1.0),
    "one pixel": ((2, 1, 1, 3), 0.5, 1.0),
}


@dataclass(frozen=True)
class Row:
    """One layer, the way it is called, and the truth it must equal.

    Attributes:
        name: Name of the row in the test's report.
        make: Function of the number of channels and keywords that makes the layer.
        truth: Function of (x, weights by name) in float64 to outputs and, if the layer
            is a norm, the slope in front of x.
        channels_first: Keywords that put the channels first; None if there are none.
        call: Keywords of the call.
        inputs: The table of inputs.
        wrong: Keywords that must be refused, and what the message must say.
    """

    name: str
    make: Callable[..., keras.layers.Layer]
    truth: Callable[..., Any]
    channels_first: dict | None = field(default_factory=lambda: {"axis": 1})
    call: dict = field(default_factory=dict)
    inputs: dict = field(default_factory=lambda: NORM_INPUTS)
    wrong: Sequence[tuple[dict, str]] = ()


def three_or_one(channels):
    """Number of groups for a number of channels: 3 where that divides it."""
    return 3 if channels % 3 == 0 else 1


def weights_of(layer):
    """Return the weights by name, that of the layer itself left out, in float64."""
    return {
        weight.path.removeprefix(f"{layer.name}/"): keras.ops.convert_to_numpy(
            weight
        ).astype("float64")
        for weight in layer.weights
    }


def pair(weights):
    """Return gamma and beta."""
    return weights["gamma"], weights["beta"]


def _group(count):
    def truth(x, weights):
        return norms.group_norm(x, count(x.shape[-1]), 1e-5, *pair(weights))

    return truth


def _frn(x, weights):
    extra = weights.get("tau"), weights.get("epsilon_l")
    return norms.filter_response_norm(x, 1e-6, *pair(weights), *extra)


def _tlu(x, weights):
    return np.maximum(x, weights["tau"]), None


def _channel_scale(x, weights):
    gamma, beta = pair(weights)
    return x * gamma + beta, gamma


def _skip_init(x, weights):
    return 0.5 * x * weights["gain"], None


def _switchable(inference):
    def truth(x, weights):
        given = weights["moving_mean"], weights["moving_variance"]
        logits = weights["mean_logits"], weights["variance_logits"]
        return norms.switchable_norm(
            x, 1e-5, *pair(weights), *logits, given if inference else None
        )

    return truth


def _switchable_without_batch(x, weights):
    logits = weights["mean_logits"], weights["variance_logits"]
    return norms.switchable_norm(x, 1e-5, *pair(weights), *logits)


def _ghost(x, weights):
    samples = x.shape[0]
    count = -(-samples // 3)
    parts = [len(part) for part in np.array_split(np.arange(samples), count)]
    return norms.ghost_batch_norm(x, parts, 1e-3, *pair(weights))


def _batch(x, weights):
    return norms.ghost_batch_norm(x, [len(x)], 1e-3, *pair(weights))


def _batch_inference(x, weights):
    given = weights["moving_mean"], weights["moving_variance"]
    return norms.batch_norm(x, 1e-3, *pair(weights), *given)


def _ws(x, weights):
    kernel = convolutions.standardized(weights["kernel"], 1e-5)
    return _convolve(x, kernel, weights), None


def _scaled_ws(x, weights):
    kernel = convolutions.scaled_standardized(weights["kernel"], weights["gain"], 1e-4)
    return _convolve(x, kernel, weights), None


def _depthwise(x, weights):
    kernel = convolutions.as_grouped(weights["kernel"])
    kernel = convolutions.scaled_standardized(kernel, weights["gain"], 1e-4)
    return _convolve(x, kernel, weights, groups=x.shape[-1]), None


def _convolve(x, kernel, weights, **options):
    outputs = convolutions.convolve(x, kernel, 2, "same", **options)
    return outputs + weights["bias"]


def _asymmetric(inference):
    def truth(x, weights):
        branches = "square", "horizontal", "vertical"
        named = {
            part: [weights[f"{branch}_norm/{part}"] for branch in branches]
            for part in ("gamma", "beta", "moving_mean", "moving_variance")
        }
        statistics = list(
            zip(named["moving_mean"], named["moving_variance"], strict=True)
        )
        outputs = convolutions.asymmetric(
            x,
            [weights[f"{branch}/kernel"] for branch in branches],
            named["gamma"],
            named["beta"],
            1e-3,
            statistics if inference else None,
            strides=2,
            padding="same",
        )
        return outputs, None

    return truth


AXIS = [
    ({"axis": 0}, "axis.*batch.*Received: axis=0"),
    ({"axis": "channels"}, "axis.*integer.*'channels'"),
    ({"axis": 9}, "axis.*rank 4.*axis=9"),
]
EPSILON = ({"epsilon": -1e-5}, "epsilon.*above 0.*-1e-05")
MOMENTUM = ({"momentum": 1.5}, "momentum.*0 to 1.*1.5")
DATA_FORMAT = {"data_format": "channels_first"}
TRAINING, INFERENCE = {"training": True}, {"training": False}

ROWS = [
    Row(
        "GroupNorm, one group",
        lambda channels, **kw: layers.GroupNorm(1, **kw),
        _group(lambda channels: 1),
        wrong=[*AXIS, EPSILON],
    ),
    Row(
        "GroupNorm, some groups",
        lambda channels, **kw: layers.GroupNorm(
            **({"groups": three_or_one(channels)} | kw)
        ),
        _group(three_or_one),
        wrong=[
            ({"groups": 4}, "divide the 6 channels; take one of 1, 2, 3, 6.*groups=4"),
            ({"groups": 1.5}, "groups.*integer.*1.5"),
            ({"groups": 0}, "groups.*at least 1.*groups=0"),
            ({"groups": 3, "group_size": 2}, "not both.*groups=3, group_size=2"),
        ],
    ),
    Row(
        "GroupNorm, group size",
        lambda channels, **kw: layers.GroupNorm(
            **({"group_size": channels // three_or_one(channels)} | kw)
        ),
        _group(three_or_one),
        wrong=[
            ({"group_size": 4}, "divide the 6 channels; take one of 1, 2, 3, 6"),
            ({"group_size": 0}, "group_size.*at least 1.*group_size=0"),
        ],
    ),
    Row(
        "GroupNorm, all groups",
        lambda channels, **kw: layers.GroupNorm(-1, **kw),
        _group(lambda channels: channels),
    ),
    Row(
        "InstanceNorm",
        lambda channels, **kw: layers.InstanceNorm(**kw),
        _group(lambda channels: channels),
        wrong=[*AXIS, EPSILON],
    ),
    Row(
        "FilterResponseNorm",
        lambda channels, **kw: layers.FilterResponseNorm(**kw),
        _frn,
        wrong=[*AXIS, EPSILON],
    ),
    Row(
        "FilterResponseNorm, learned epsilon",
        lambda channels, **kw: layers.FilterResponseNorm(learn_epsilon=True, **kw),
        _frn,
    ),
    Row(
        "FilterResponseNorm, no TLU",
        lambda channels, **kw: layers.FilterResponseNorm(tlu=False, **kw),
        _frn,
    ),
    Row("TLU", lambda channels, **kw: layers.TLU(**kw), _tlu, wrong=AXIS),
    Row(
        "ChannelScale",
        lambda channels, **kw: layers.ChannelScale(**kw),
        _channel_scale,
        wrong=AXIS,
    ),
    Row(
        "SkipInit",
        lambda channels, **kw: layers.SkipInit(**({"scale": 0.5} | kw)),
        _skip_init,
        channels_first=None,
    ),
    Row(
        "SwitchableNorm, training",
        lambda channels, **kw: layers.SwitchableNorm(**kw),
        _switchable(inference=False),
        call=TRAINING,
        wrong=[*AXIS, EPSILON, MOMENTUM],
    ),
    Row(
        "SwitchableNorm, inference",
        lambda channels, **kw: layers.SwitchableNorm(**kw),
        _switchable(inference=True),
        call=INFERENCE,
    ),
    Row(
        "SwitchableNorm, batch at hand",
        lambda channels, **kw: layers.SwitchableNorm(moving_average=False, **kw),
        _switchable_without_batch,
        call=INFERENCE,
    ),
    Row(
        "SwitchableNorm, no batch",
        lambda channels, **kw: layers.SwitchableNorm(batch_statistics=False, **kw),
        _switchable_without_batch,
        call=TRAINING,
    ),
    Row(
        "BatchNorm, training",
        lambda channels, **kw: layers.BatchNorm(**kw),
        _batch,
        call=TRAINING,
        # Keras' own arithmetic, which does not shift first.
        inputs={k: v for k, v in NORM_INPUTS.items() if k != "large offset"},
    ),
    Row(
        "BatchNorm, inference",
        lambda channels, **kw: layers.BatchNorm(**kw),
        _batch_inference,
        call=INFERENCE,
    ),
    Row(
        "GhostBatchNorm, training",
        lambda channels, **kw: layers.GhostBatchNorm(**({"ghost_batch_size": 3} | kw)),
        _ghost,
        call=TRAINING,
        wrong=[
            *AXIS,
            EPSILON,
            MOMENTUM,
            ({"ghost_batch_size": 0}, "ghost_batch_size.*at least 1"),
            ({"renorm": True}, "no `renorm`.*BatchNormalization"),
            ({"synchronized": True}, "no `synchronized`.*BatchNormalization"),
        ],
    ),
    Row(
        "GhostBatchNorm, inference",
        lambda channels, **kw: layers.GhostBatchNorm(3, **kw),
        _batch_inference,
        call=INFERENCE,
    ),
    Row(
        "WSConv2D",
        lambda channels, **kw: layers.WSConv2D(
            4, **({"kernel_size": 3, "strides": 2, "padding": "same"} | kw)
        ),
        _ws,
        channels_first=DATA_FORMAT,
        inputs=IMAGE_INPUTS,
        wrong=[EPSILON],
    ),
    Row(
        "ScaledWSConv2D",
        lambda channels, **kw: layers.ScaledWSConv2D(
            4, **({"kernel_size": 3, "strides": 2, "padding": "same"} | kw)
        ),
        _scaled_ws,
        channels_first=DATA_FORMAT,
        inputs=IMAGE_INPUTS,
        wrong=[EPSILON],
    ),
    Row(
        "ScaledWSDepthwiseConv2D",
        lambda channels, **kw: layers.ScaledWSDepthwiseConv2D(
            **(
                {
                    "kernel_size": 3,
                    "strides": 2,
                    "padding": "same",
                    "depth_multiplier": 2,
                }
                | kw
            )
        ),
        _depthwise,
        channels_first=DATA_FORMAT,
        inputs=IMAGE_INPUTS,
        wrong=[EPSILON, ({"kernel_size": 1}, "at least 2 weights.*plain convolution")],
    ),
    Row(
        "AsymmetricConv2D, training",
        lambda channels, **kw: layers.AsymmetricConv2D(4, **({"strides": 2} | kw)),
        _asymmetric(inference=False),
        channels_first=DATA_FORMAT,
        call=TRAINING,
        inputs={key: IMAGE_INPUTS[key] for key in ("odd sizes", "even sizes")},
        wrong=[
            ({"kernel_size": 4}, "odd and square.*kernel_size=4"),
            ({"kernel_size": (3, 5)}, "odd and square"),
            ({"padding": "causal"}, "'same' or 'valid'.*'causal'"),
            ({"strides": (1, 1, 1)}, "strides.*pair"),
        ],
    ),
    Row(
        "AsymmetricConv2D, inference",
        lambda channels, **kw: layers.AsymmetricConv2D(4, **({"strides": 2} | kw)),
        _asymmetric(inference=True),
        channels_first=DATA_FORMAT,
        call=INFERENCE,
        inputs=IMAGE_INPUTS,
    ),
    Row(
        "StochasticDepth, inference",
        lambda channels, **kw: layers.StochasticDepth(**({"rate": 0.5} | kw)),
        lambda x, weights: (x, None),
        channels_first=None,
        call=INFERENCE,
        wrong=[({"rate": 1.0}, "rate.*below 1.*1.0"), ({"rate": "half"}, "'half'")],
    ),
]
