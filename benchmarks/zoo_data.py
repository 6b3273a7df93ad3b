"""Drawn shapes of four classes, 24 pixels wide: data that a small CNN learns fast."""

import functools

import numpy as np

SIDE = 24
CLASSES = ("disc", "square", "triangle", "cross")


@functools.lru_cache(maxsize=64)
def draw_shapes(
    count: int, seed: int, *, noise: float = 12.0, strange: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Draw shapes of random place, size, colour and background.

    Args:
        count: Number of images.
        seed: Decides everything.
        noise: Deviation of the pixel noise, 0 to 255.
        strange: Whether to draw as another camera would: striped backgrounds, thin
            shapes darker than the ground instead of brighter, other noise.

    Returns:
        Images of (count, 24, 24, 3) in 0..255 and class numbers of (count,). They are
        drawn once and cannot be written to.
    """
    generator = np.random.default_rng(seed)
    labels = generator.integers(len(CLASSES), size=count)
    rows, columns = np.mgrid[:SIDE, :SIDE].astype("float32")
    cy, cx = generator.uniform(8, 16, size=(2, count, 1, 1))
    radius = generator.uniform(5, 7.5, size=(count, 1, 1))
    y, x = (rows - cy) / radius, (columns - cx) / radius
    masks = np.stack(
        [
            x**2 + y**2 < 1,
            (abs(x) < 0.85) & (abs(y) < 0.85),
            (y < 0.8) & (y > 1.8 * abs(x) - 1),
            ((abs(x) < 0.3) & (abs(y) < 1)) | ((abs(y) < 0.3) & (abs(x) < 1)),
        ],
        axis=-1,
    )
    mask = np.take_along_axis(masks, labels[:, None, None, None], axis=-1)
    ground = generator.uniform(30, 110, size=(count, 1, 1, 3))
    # Red is brighter than blue, so that the order of the channels matters.
    colour = generator.uniform(130, 190, size=(count, 1, 1, 3)) + np.array([60, 0, -60])
    slope = generator.uniform(-1.3, 1.3, size=(count, 1, 1, 1)) * columns[..., None]
    ground = ground + slope + np.array([30, 0, -20])
    if strange:
        stripes = 45 * np.sin(columns * 1.3 + rows * 0.4)[..., None]
        colour, ground = ground - 20, ground + 60 + stripes
        noise = noise * 1.5
    images = np.where(mask, colour, ground)
    images = images + generator.normal(0, noise, size=images.shape)
    images = np.clip(images, 0, 255).astype("float32")
    images.setflags(write=False)
    labels.setflags(write=False)
    return images, labels


def augment(images: np.ndarray, generator: np.random.Generator, strength: float):
    """Flip, shift, change light and erase, stronger with `strength` from 0 to 1."""
    out = images.copy()
    for i in range(len(out)):
        if generator.random() < 0.5:
            out[i] = out[i][:, ::-1]
        shift = generator.integers(-int(4 * strength), int(4 * strength) + 1, size=2)
        out[i] = np.roll(out[i], shift, axis=(0, 1))
        if generator.random() < strength * 0.7:
            top, left = generator.integers(0, 15, size=2)
            out[i][top : top + 9, left : left + 9] = generator.uniform(0, 255)
    light = generator.uniform(
        1 - 0.6 * strength, 1 + 0.6 * strength, (len(out), 1, 1, 1)
    )
    return np.clip(out * light, 0, 255).astype("float32")


def batches(x, y, size: int = 32, seed: int | None = 0) -> list[tuple]:
    """Cut into batches, shuffled unless `seed` is None."""
    order = np.arange(len(x))
    if seed is not None:
        order = np.random.default_rng(seed).permutation(order)
    return [
        (x[order[i : i + size]], y[order[i : i + size]]) for i in range(0, len(x), size)
    ]
