"""The one pass over the pixels that all norms share, and its gradient in closed form.

A norm is `y = scale * x + offset` with a scale and an offset per sample and channel,
and so is its gradient: `scale * dy + dx_from_x * x + dx_constant`. Written out, it
touches the pixels half as often as what automatic differentiation makes of a norm's
formula, and keeps nothing but `x`.
"""

from collections.abc import Callable
from typing import Any

from keras import ops

from kerasnorm.layers.norms.moments import column, count_pixels, mean_over_pixels


def fused_affine(
    source: Any,
    restore: Callable[[Any], Any],
    arrays: tuple,
    coefficients: Callable[..., tuple],
    gradients: Callable[..., tuple],
    threshold: Any = None,
) -> Any:
    """Return `scale * pixels + offset`, not below `threshold` if that is given.

    The gradient is a formula in the arguments alone, never in something computed on
    the way to the output; that is what makes higher derivatives right. It is the
    whole gradient: the statistics among `arrays` get none of their own.

    Forward-mode differentiation is not available; JAX and torch say so.

    Args:
        source: What backward keeps and what receives the gradient: the canonical view
            of the pixels, (batch, before, channels, after).
        restore: Function from `source` to the pixels in at least float32.
        arrays: Small tensors, per sample and channel or per channel.
        coefficients: Function of `arrays` to scale and offset, both (batch, channels).
        gradients: Function of (mean of dy, mean of dy * pixels, number of pixels,
            *arrays), the means (batch, channels), to `scale`, `dx_from_x`,
            `dx_constant` (None for 0) and a tuple with a gradient, or None, for each
            of `arrays`.
        threshold: Lower bound of the outputs, (channels,), or None.

    Returns:
        The outputs, in the shape and dtype of `source`.
    """
    bounds = () if threshold is None else (threshold,)

    @ops.custom_gradient
    def run(source: Any, *small: Any) -> tuple:
        arrays, bounds = small[: len(small) - bounded], small[len(small) - bounded :]
        scale, offset = coefficients(*arrays)
        outputs = restore(source) * column(scale) + column(offset)
        # Which pixels the bound cuts off has no derivative, so this one intermediate
        # may be kept for the gradient.
        passed = None
        for bound in bounds:
            bound = ops.reshape(bound, (1, 1, -1, 1))
            passed = outputs > bound
            outputs = ops.maximum(outputs, bound)

        def gradient(*args: Any, upstream: Any = None) -> tuple:
            # The torch backend hands over the inputs and `upstream`, the others
            # `upstream` alone.
            upstream = args[0] if upstream is None else upstream
            pixels = restore(source)
            dy = ops.cast(upstream, pixels.dtype)
            count = count_pixels(pixels)
            d_bounds: tuple = ()
            if passed is not None:
                cut = ops.where(passed, 0.0, dy)
                d_bounds = (ops.sum(mean_over_pixels(cut) * count, axis=0),)
                dy = ops.where(passed, dy, 0.0)
            means = mean_over_pixels(dy), mean_over_pixels(dy * pixels)
            scale, dx_from_x, dx_constant, d_arrays = gradients(*means, count, *arrays)
            dx = pixels * column(dx_from_x)
            if dx_constant is not None:
                dx = dx + column(dx_constant)
            dx = ops.cast(dx + dy * column(scale), source.dtype)
            return (dx, *d_arrays, *d_bounds)

        return ops.cast(outputs, source.dtype), gradient

    bounded = len(bounds)
    return run(source, *arrays, *bounds)
