"""The one table of the networks that users choose by name; it imports no Keras."""

import dataclasses
from collections.abc import Mapping
from typing import Any

# Stands for any name of `keras.applications`.
KERAS = "keras:NAME"
_ANY = ()
_SHARED = {"dropout": _ANY, "activation": _ANY}


@dataclasses.dataclass(frozen=True)
class ModelKind:
    """What can be chosen of a network.

    Args:
        help: What it is, in a few words.
        options: Values of each argument of its builder that is a setting, by the name
            of the argument; empty where all that the setting allows go.
        builder: Name of the builder in `kerasnorm.models`, if it is another one.
        fixed: Arguments of the builder that the name decides.
        is_published: Whether `--weights pretrained` has weights for it.
    """

    help: str
    options: Mapping[str, tuple[Any, ...]]
    builder: str | None = None
    fixed: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    is_published: bool = False


def _efficientnet_lite(variant: int, million: str) -> ModelKind:
    return ModelKind(
        f"EfficientNet-Lite{variant}, {million} million parameters",
        {**_SHARED, "stochastic_depth": _ANY},
        builder="efficientnet_lite",
        fixed={"variant": variant},
        is_published=variant < 3,
    )


MODEL_KINDS: dict[str, ModelKind] = {
    "convnet": ModelKind(
        "a small residual network for images of 32 to 160 pixels",
        {
            **_SHARED,
            "width": _ANY,
            "depths": _ANY,
            "stem_strides": _ANY,
            "asymmetric": _ANY,
        },
    ),
    "resnet": ModelKind(
        "ResNets for CIFAR (depth 8 to 110 of three stages) and ImageNet",
        {
            **_SHARED,
            "depth": (8, 14, 18, 20, 32, 34, 44, 50, 56, 101, 110, 152),
            "version": _ANY,
            "variant": ("A", "B", "C", "D"),
            "zero_gamma": _ANY,
            "stochastic_depth": _ANY,
            "asymmetric": _ANY,
        },
    ),
    "nf_resnet": ModelKind(
        "ResNets that do without norms",
        {**_SHARED, "depth": (50, 101, 152), "stochastic_depth": _ANY},
    ),
    "nfnet": ModelKind(
        "NFNets, 71 to 377 million parameters",
        {
            **_SHARED,
            "variant": ("F0", "F1", "F2", "F3", "F4", "F5"),
            "stochastic_depth": _ANY,
        },
    ),
    "res2net": ModelKind(
        "ResNets whose blocks see several scales",
        {
            **_SHARED,
            "depth": (50, 101, 152),
            "scale": _ANY,
            "base_width": _ANY,
            "zero_gamma": _ANY,
            "stochastic_depth": _ANY,
        },
    ),
    "efficientnet_lite0": _efficientnet_lite(0, "4.7"),
    "efficientnet_lite1": _efficientnet_lite(1, "5.4"),
    "efficientnet_lite2": _efficientnet_lite(2, "6.1"),
    "efficientnet_lite3": _efficientnet_lite(3, "8.2"),
    "efficientnet_lite4": _efficientnet_lite(4, "13"),
    KERAS: ModelKind(
        "one of `keras.applications`, perhaps with its weights", {"dropout": _ANY}
    ),
}


def find_model_kind(model: str) -> str:
    """Return the key of a model in the table.

    Args:
        model: Its name, as the settings have it.
    """
    return KERAS if model.startswith("keras:") else model


def known_values(model: str, argument: str | None) -> tuple[Any, ...]:
    """Return the values that a model has for an argument; none if it takes any.

    Args:
        model: Name of the model, known or not.
        argument: Name of an argument of its builder, or None.
    """
    kind = MODEL_KINDS.get(find_model_kind(model))
    return () if kind is None else kind.options.get(argument or "", ())


def models_with(argument: str) -> tuple[str, ...]:
    """Return the models whose builder takes an argument.

    Args:
        argument: Name of the argument.

    Example:
        >>> models_with("width")
        ('convnet',)
    """
    return tuple(name for name, kind in MODEL_KINDS.items() if argument in kind.options)
