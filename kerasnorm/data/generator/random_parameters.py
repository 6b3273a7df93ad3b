"""Draws the parameters of ImageDataGenerator's random transforms."""

from typing import Any

import numpy as np

from kerasnorm.data.augment import stateless_random


def draw_parameters(
    options: Any, seed: int, epoch: int, samples: np.ndarray, size: tuple[int, int]
) -> dict[str, np.ndarray | None]:
    """Draw the parameters of one random transform for each sample.

    Args:
        options: The ImageDataGenerator.
        seed: Decides the draws together with epoch and sample.
        epoch: Number of the pass over the data.
        samples: Positions of the samples in the data set, (batch,).
        size: Height and width of the images in pixels.

    Returns:
        Arrays (batch,) under the keys that `apply_transform` takes; None where
        an option is off.
    """

    def uniform(stream: int) -> np.ndarray:
        return stateless_random.uniform(seed, epoch, samples, stream)

    def between(low: float, high: float, stream: int) -> np.ndarray:
        return low + (high - low) * uniform(stream)

    def around(amount: float, stream: int) -> np.ndarray:
        return (2 * uniform(stream) - 1) * amount

    legacy = options.compat == "keras"
    down = draw_shift(
        options.height_shift_range,
        size[0],
        uniform(stateless_random.HEIGHT_SHIFT),
        uniform(stateless_random.HEIGHT_SHIFT_SIGN) if legacy else None,
    )
    right = draw_shift(
        options.width_shift_range,
        size[1],
        uniform(stateless_random.WIDTH_SHIFT),
        uniform(stateless_random.WIDTH_SHIFT_SIGN) if legacy else None,
    )
    # `tx` moves along the width; the legacy class fills it from the height's range.
    tx, ty = (down, right) if legacy else (right, down)
    smallest, largest = options.zoom_range
    flips = {
        name: uniform(stream) < (0.5 if getattr(options, name) else 0.0)
        for name, stream in (
            ("horizontal_flip", stateless_random.HORIZONTAL_FLIP),
            ("vertical_flip", stateless_random.VERTICAL_FLIP),
        )
    }
    intensity = brightness = None
    if options.channel_shift_range:
        intensity = around(options.channel_shift_range, stateless_random.CHANNEL_SHIFT)
    if options.brightness_range is not None:
        darkest, brightest = options.brightness_range
        brightness = between(darkest, brightest, stateless_random.BRIGHTNESS)
    return {
        "theta": around(options.rotation_range, stateless_random.ROTATION),
        "tx": tx,
        "ty": ty,
        "shear": around(options.shear_range, stateless_random.SHEAR),
        "zx": between(smallest, largest, stateless_random.WIDTH_ZOOM),
        "zy": between(smallest, largest, stateless_random.HEIGHT_ZOOM),
        "flip_horizontal": flips["horizontal_flip"],
        "flip_vertical": flips["vertical_flip"],
        "channel_shift_intensity": intensity,
        "brightness": brightness,
    }


def draw_shift(
    amount: Any, length: int, uniform: np.ndarray, sign: np.ndarray | None
) -> np.ndarray:
    """Draw shifts in pixels from a float, an int or a list of choices.

    A float is the limit of a uniform draw, an int n stands for the whole numbers
    above -n and below n, a list for its elements. Limits and choices below 1 are
    fractions of the length.

    Args:
        amount: The option.
        length: Height or width in pixels.
        uniform: Uniform draws, (batch,).
        sign: Uniform draws that decide a random sign, which Keras' class gives to
            whole numbers and choices; None for no sign.

    Returns:
        Pixels, float64, (batch,).
    """
    if isinstance(amount, float | np.floating):
        return (2 * uniform - 1) * amount * (length if amount < 1 else 1)
    if isinstance(amount, int | np.integer):
        first = 1 - amount if sign is None else 0
        choices = np.arange(first, max(amount, 1), dtype=np.float64)
    else:
        choices = np.asarray(amount, np.float64)
        if np.max(np.abs(choices) if sign is None else choices) < 1:
            choices = choices * length
    if choices.size == 0:
        choices = np.zeros(1)
    chosen = choices[(uniform * len(choices)).astype(np.int64)]
    return chosen if sign is None else np.where(sign < 0.5, -chosen, chosen)
