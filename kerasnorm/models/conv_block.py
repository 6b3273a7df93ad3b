"""How a network convolves, normalizes and activates, as one value."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import keras

from kerasnorm import layers
from kerasnorm.models import variance
from kerasnorm.models.blocks import BlockSpec
from kerasnorm.norm_kinds import find_kind

# A rectifier is what the threshold of FilterResponseNorm starts as.
ABSORBED_BY_FRN = ("relu",)
# As many groups as the paper of group normalization takes.
USUAL_GROUPS = 32


@dataclasses.dataclass(frozen=True)
class ConvBlockConfig:
    """The pieces a network is made of, handed from block to block.

    With `norm="none"` the convolutions standardize their weights and carry biases,
    activations are scaled to keep the variance of the signal, and residual branches
    end in a learned scalar that starts at 0 (SkipInit).

    Args:
        norm: Name that `kerasnorm.layers.make_norm` knows.
        activation: Name of a Keras activation.
        options: Keyword arguments for every norm layer.
        asymmetric: Whether square convolutions larger than one pixel, with the norm
            behind them, become `AsymmetricConv2D`.

    Raises:
        ValueError: If `asymmetric` meets a norm other than `"batch"`, which the
            layer brings along.
    """

    norm: str = "batch"
    activation: str = "relu"
    options: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    asymmetric: bool = False

    def __post_init__(self) -> None:
        if self.asymmetric and self.norm != "batch":
            raise ValueError(
                "Expected `norm='batch'` with `asymmetric=True`, because "
                "AsymmetricConv2D brings its own batch norms. "
                f"Received: norm={self.norm!r}."
            )

    @property
    def is_norm_free(self) -> bool:
        """Whether the network does without norms."""
        return self.norm == "none"

    def convolve(
        self,
        x: Any,
        filters: int,
        kernel_size: int = 3,
        *,
        silent: bool = False,
        **options: Any,
    ):
        """Apply a convolution with "same" padding, fit for the norm of this style.

        Args:
            x: Feature map of shape (batch, height, width, channels).
            filters: Number of output channels.
            kernel_size: Side of the kernel in pixels.
            silent: Whether the outputs start at 0, for the end of a residual branch.
                Norm-free networks leave that to SkipInit.
            **options: `strides` in pixels, `groups` and `name`.

        Returns:
            Feature map of shape (batch, height / strides, width / strides, filters).
        """
        options = {"padding": "same", **options}
        if self.is_norm_free:
            return layers.ScaledWSConv2D(filters, kernel_size, **options)(x)
        if self.asymmetric and kernel_size > 1:
            return self._convolve_asymmetric(x, filters, kernel_size, silent, **options)
        options["kernel_initializer"] = "zeros" if silent else "he_normal"
        return keras.layers.Conv2D(filters, kernel_size, use_bias=False, **options)(x)

    def convolve_normalize(
        self,
        x: Any,
        filters: int,
        kernel_size: int = 3,
        *,
        name: str,
        activate: bool = True,
        zero_gamma: bool = False,
        **kw: Any,
    ):
        """Convolve, normalize and activate, the layers named `_conv` and `_norm`.

        Args:
            x: Feature map of shape (batch, height, width, channels).
            filters: Number of output channels.
            kernel_size: Side of the kernel in pixels.
            name: Name that begins the names of both layers.
            activate: Whether the activation follows.
            zero_gamma: As for `normalize`.
            **kw: `strides` in pixels and `groups`.

        Returns:
            Feature map of shape (batch, height / strides, width / strides, filters).
        """
        if self.asymmetric and kernel_size > 1:
            x = self._convolve_asymmetric(
                x, filters, kernel_size, zero_gamma, name=f"{name}_conv", **kw
            )
            return self.activate(x) if activate else x
        x = self.convolve(x, filters, kernel_size, name=f"{name}_conv", **kw)
        return self.normalize(
            x, activate=activate, zero_gamma=zero_gamma, name=f"{name}_norm"
        )

    def normalize(
        self,
        x: Any,
        *,
        activate: bool = True,
        zero_gamma: bool = False,
        scale: float = 1.0,
        name: str | None = None,
    ):
        """Normalize, and activate where asked.

        Args:
            x: Feature map of shape (batch, height, width, channels).
            activate: Whether the activation follows.
            zero_gamma: Whether the norm's scale starts at 0, so that a residual branch
                starts silent.
            scale: As for `activate`.
            name: Name of the norm layer.

        Returns:
            Feature map of the same shape.
        """
        if not self.is_norm_free:
            kind = find_kind(self.norm)
            options = {"axis": channel_axis(), **self.options}
            if zero_gamma:
                options["gamma_initializer"] = "zeros"
            if kind.chooses_groups and not {"groups", "group_size"} & set(options):
                channels = x.shape[channel_axis()]
                # Two channels to a group: fewer would make it instance normalization.
                wish = min(USUAL_GROUPS, max(channels // 2, 1))
                options["groups"] = layers.group_count(channels, wish)
            if kind.has_threshold:
                absorbed = activate and self.activation in ABSORBED_BY_FRN
                options.setdefault("tlu", absorbed)
                activate = activate and not absorbed
            x = layers.make_norm(self.norm, name=name, **options)(x)
        return self.activate(x, scale=scale) if activate else x

    def activate(self, x: Any, *, scale: float = 1.0, name: str | None = None):
        """Apply the activation; norm-free networks also restore unit variance.

        Args:
            x: Feature map of any shape.
            scale: Further constant factor of a norm-free network.
            name: Name of the activation layer.

        Returns:
            Feature map of the same shape.
        """
        x = keras.layers.Activation(self.activation, name=name)(x)
        if self.is_norm_free:
            gain = variance.activation_gain(self.activation)
            x = keras.layers.Rescaling(scale * gain)(x)
        return x

    def activate_sum(self, x: Any, *, fresh: bool, name: str | None = None):
        """Apply the activation after an addition.

        Args:
            x: Feature map of any shape.
            fresh: Whether the shortcut was projected, and so has not been activated
                yet. Only then does a norm-free network scale it: the activation of
                what is activated already hardly changes its variance.
            name: Name of the activation layer.

        Returns:
            Feature map of the same shape.
        """
        if fresh:
            return self.activate(x, name=name)
        return keras.layers.Activation(self.activation, name=name)(x)

    def add_branch(
        self,
        shortcut: Any,
        branch: Any,
        place: BlockSpec,
        *,
        alpha: float = 1.0,
        rescale: bool = True,
    ):
        """Add a residual branch to its shortcut.

        Args:
            shortcut: Feature map of shape (batch, height, width, channels).
            branch: Feature map of the same shape.
            place: `layout.BlockSpec` of the block.
            alpha: Constant weight of the branch in a norm-free network.
            rescale: Whether stochastic depth makes up for the dropped fraction.

        Returns:
            The sum, of the same shape.
        """
        if place.drop_rate:
            branch = layers.StochasticDepth(
                place.drop_rate, rescale=rescale, name=f"{place.name}_drop"
            )(branch)
        if self.is_norm_free:
            branch = layers.SkipInit(alpha, name=f"{place.name}_skip_init")(branch)
        return keras.layers.Add(name=f"{place.name}_add")([shortcut, branch])

    def _convolve_asymmetric(
        self, x: Any, filters: int, kernel_size: int, silent: bool, **options: Any
    ):
        for name in ("momentum", "epsilon"):
            if name in self.options:
                options[name] = self.options[name]
        return layers.AsymmetricConv2D(
            filters,
            kernel_size,
            kernel_initializer="he_normal",
            gamma_initializer="zeros" if silent else "ones",
            **options,
        )(x)


def channel_axis() -> int:
    """Return the axis of the channels in Keras' current image data format."""
    return -1 if keras.config.image_data_format() == "channels_last" else 1


def make_style(
    norm: str,
    activation: str,
    norm_options: Mapping[str, Any] | None,
    *,
    momentum: float = 0.9,
    asymmetric: bool = False,
) -> ConvBlockConfig:
    """Make a style whose batch normalization forgets at a stated pace.

    Args:
        norm: Name that `kerasnorm.layers.make_norm` knows.
        activation: Name of a Keras activation.
        norm_options: Options given by the caller, or None.
        momentum: Part of the old moving statistics kept at each step, 0 to 1, unless
            `norm_options` says otherwise.
        asymmetric: As for `ConvBlockConfig`.

    Returns:
        The style.
    """
    default = {"momentum": momentum} if find_kind(norm).is_batch_norm else {}
    return ConvBlockConfig(
        norm, activation, {**default, **(norm_options or {})}, asymmetric
    )
