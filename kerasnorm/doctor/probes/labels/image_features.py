"""Fixed features of images, in NumPy: oriented gradients, and k-means patches.

No training and no labels take part, so what a model on these features says of a label
cannot have been learned from that label.
"""

import concurrent.futures
import os
import time
from collections.abc import Callable

import numpy as np

# Images are resized to this many pixels: features do not depend on the input size.
SIDE = 48
# Cells along a side, and orientations from 0 to 180 degrees.
CELLS, ORIENTATIONS = 6, 9
# Upper limit of a normalized gradient histogram: one strong edge is not all of a cell.
CLIPPED = 0.2
# Patches: side, distance of neighbouring patches, and how many centres are learned,
# each with its mirror image.
PATCH, STRIDE, CENTRES = 6, 3, 96
# Patches and passes that k-means learns from.
PATCHES, PASSES = 12_000, 8
# Regions along a side over which the patches of an image are summed.
REGIONS = 3
# Numbers of channels by which the axis of the channels is recognized.
CHANNELS = (1, 3, 4)
# Images at a time, to bound the memory.
CHUNK = 256


def seconds_per_image(images: np.ndarray) -> float:
    """Measure what the features of an image cost here, all cores together.

    Args:
        images: Some images, `(images, height, width, channels)`.
    """
    begin = time.perf_counter()
    ready = standardize_images(images)
    gradient_features(ready)
    size = PATCH * PATCH * ready.shape[-1]
    # Learning the centres costs the same for any number of images.
    eye, centres = np.eye(size, dtype="float32"), np.zeros((2 * CENTRES, size))
    _pool_patches(ready, np.zeros(size, "float32"), eye, centres.astype("float32"))
    return (time.perf_counter() - begin) / len(ready)


def channels_last(x: np.ndarray) -> np.ndarray:
    """Return images with their channels behind; what is no image stays."""
    first = x.ndim == 4 and x.shape[-1] not in CHANNELS and x.shape[1] in CHANNELS
    return np.moveaxis(x, 1, -1) if first else x


def as_bytes(image: np.ndarray, low: float, high: float) -> np.ndarray:
    """Return an image to look at: uint8 of (height, width, 1 or 3).

    Args:
        image: Numbers of `(height, width, channels)`.
        low: What becomes black.
        high: What becomes white.
    """
    image = image[..., : 3 if image.shape[-1] >= 3 else 1].astype("float32")
    scaled = np.nan_to_num((image - low) / max(high - low, 1e-9))
    return (np.clip(scaled, 0, 1) * 255).round().astype(np.uint8)


def _in_chunks(function: Callable, images: np.ndarray) -> np.ndarray:
    """Apply a function to some images at a time, on all cores."""
    cores = os.cpu_count() or 1
    size = max(1, min(CHUNK, -(-len(images) // cores)))
    parts = [images[i : i + size] for i in range(0, len(images), size)]
    with concurrent.futures.ThreadPoolExecutor(cores) as pool:
        return np.concatenate(list(pool.map(function, parts)))


def standardize_images(images: np.ndarray) -> np.ndarray:
    """Return images of 48 x 48 pixels, each channel with mean 0 and std 1.

    Args:
        images: Numbers of `(images, height, width, channels)` in any range.

    Returns:
        float32 of `(images, 48, 48, channels)`; at most the first three channels.
    """
    rows, columns = (_resizing(size) for size in images.shape[1:3])

    def resized(part):
        part = np.nan_to_num(part[..., :3].astype("float32"), posinf=0, neginf=0)
        return (rows @ part.transpose(0, 3, 1, 2) @ columns.T).transpose(0, 2, 3, 1)

    small = _in_chunks(resized, images)
    axes = (0, 1, 2)
    mean = small.mean(axis=axes, dtype="float64").astype("float32")
    std = small.std(axis=axes, dtype="float64").astype("float32")
    small -= mean
    small /= np.maximum(std, 1e-6)
    return small


def _resizing(size: int) -> np.ndarray:
    """Return weights of (48, size): means over areas, or linear where images grow."""
    edges = np.arange(SIDE + 1) * size / SIDE
    if size >= SIDE:
        pixels = np.arange(size)
        upper = np.minimum(edges[1:, None], pixels + 1)
        lower = np.maximum(edges[:-1, None], pixels)
        weights = np.maximum(upper - lower, 0)
    else:
        centres = (edges[:-1] + edges[1:]) / 2 - 0.5
        centres = np.clip(centres, 0, size - 1)
        weights = np.maximum(1 - np.abs(centres[:, None] - np.arange(size)), 0)
    return (weights / weights.sum(axis=1, keepdims=True)).astype("float32")


def gradient_features(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return histograms of oriented gradients of images and of their mirror images.

    Args:
        images: What `standardize_images` returns.

    Returns:
        Two arrays of `(images, features)`.

    Reference:
        Dalal and Triggs, "Histograms of oriented gradients for human detection",
        CVPR 2005.
    """
    histograms = _in_chunks(_histograms, images)
    # The mirror image has the cells of a row in reverse, and angles of 180 degrees
    # minus the angle: bin centres are multiples of 20 degrees.
    turned = (-np.arange(ORIENTATIONS)) % ORIENTATIONS
    mirrored = histograms[:, :, ::-1][..., turned]
    return _blocks(histograms), _blocks(mirrored)


def _histograms(images: np.ndarray) -> np.ndarray:
    """Return histograms of (images, 6, 6, 9), weighted by the gradient's length."""
    dy, dx = np.zeros_like(images), np.zeros_like(images)
    dy[:, 1:-1] = images[:, 2:] - images[:, :-2]
    dx[:, :, 1:-1] = images[:, :, 2:] - images[:, :, :-2]
    length = dx * dx + dy * dy
    strongest = length.argmax(axis=-1)[..., None]
    dy, dx, length = (
        np.take_along_axis(a, strongest, axis=-1)[..., 0] for a in (dy, dx, length)
    )
    length = np.sqrt(length)
    place = np.arctan2(dy, dx) * (ORIENTATIONS / np.pi) % ORIENTATIONS
    size = SIDE // CELLS
    out = np.empty((len(images), CELLS, CELLS, ORIENTATIONS), "float32")
    for number in range(ORIENTATIONS):
        away = np.abs(place - number)
        away = np.minimum(away, ORIENTATIONS - away)
        votes = np.maximum(1 - away, 0) * length
        cells = votes.reshape(-1, CELLS, size, CELLS, size)
        out[..., number] = cells.sum(axis=(2, 4))
    return out


def _blocks(histograms: np.ndarray) -> np.ndarray:
    """Normalize blocks of 2 x 2 cells, clip, and normalize again."""
    corners = [histograms[:, i : CELLS - 1 + i, j : CELLS - 1 + j] for i, j in _PAIRS]
    blocks = np.concatenate(corners, axis=-1)
    for limit in (CLIPPED, np.inf):
        norm = np.sqrt((blocks**2).sum(axis=-1, keepdims=True) + 1e-6)
        blocks = np.minimum(blocks / norm, limit)
    return blocks.reshape(len(blocks), -1)


_PAIRS = ((0, 0), (0, 1), (1, 0), (1, 1))


def patch_features(images: np.ndarray, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return how near patches are to learned centres, of images and mirror images.

    Args:
        images: What `standardize_images` returns.
        seed: Decides which patches the centres are learned from.

    Returns:
        Two arrays of `(images, features)`.

    Reference:
        Coates, Lee and Ng, "An analysis of single-layer networks in unsupervised
        feature learning", AISTATS 2011.
    """
    generator = np.random.default_rng(seed)
    mean, whiten, centres = _learn_centres(images, generator)
    both = np.concatenate([centres, _mirror(centres)])
    whitened = (both - mean) @ whiten
    pooled = _pool_patches(images, mean, whiten, whitened)
    swapped = np.roll(np.arange(len(both)), len(centres))
    mirrored = pooled[:, :, ::-1][..., swapped]
    return _root(pooled), _root(mirrored)


def _root(pooled: np.ndarray) -> np.ndarray:
    flat = np.sqrt(pooled.reshape(len(pooled), -1))
    return flat / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-6)


def _patches(images: np.ndarray) -> np.ndarray:
    """Return patches of (images, places, places, values), contrast normalized."""
    windows = np.lib.stride_tricks.sliding_window_view(images, (PATCH, PATCH), (1, 2))
    windows = windows[:, ::STRIDE, ::STRIDE].transpose(0, 1, 2, 4, 5, 3)
    flat = windows.reshape(*windows.shape[:3], -1)
    flat = flat - flat.mean(axis=-1, keepdims=True)
    # A flat patch stays flat: its noise is not blown up to full contrast.
    return flat / np.sqrt(flat.var(axis=-1, keepdims=True) + 0.02)


def _mirror(patches: np.ndarray) -> np.ndarray:
    square = patches.reshape(len(patches), PATCH, PATCH, -1)
    return square[:, :, ::-1].reshape(len(patches), -1)


def _learn_centres(images, generator):
    """Return the mean, the whitening and the centres, in normalized patches."""
    some = generator.permutation(len(images))[:400]
    patches = _patches(images[np.sort(some)])
    patches = patches.reshape(-1, patches.shape[-1])
    patches = patches[generator.permutation(len(patches))[: PATCHES // 2]]
    patches = np.concatenate([patches, _mirror(patches)])
    mean = patches.mean(axis=0)
    values, vectors = np.linalg.eigh(np.cov(patches.T))
    whiten = ((vectors / np.sqrt(np.maximum(values, 0) + 0.1)) @ vectors.T).astype(
        "float32"
    )
    white = (patches - mean) @ whiten
    chosen = generator.permutation(len(white))[:CENTRES]
    centres = white[chosen]
    for _ in range(PASSES):
        distance = (centres**2).sum(axis=1) - 2 * white @ centres.T
        nearest = distance.argmin(axis=1)
        counts = np.bincount(nearest, minlength=len(centres))
        chosen = nearest == np.arange(len(centres))[:, None]
        sums = chosen.astype("float32") @ white
        found = counts > 0
        centres[found] = sums[found] / counts[found, None].astype("float32")
    back = np.linalg.inv(whiten.astype("float64")).astype("float32")
    return mean, whiten, (centres @ back + mean).astype("float32")


def _pool_patches(images, mean, whiten, centres) -> np.ndarray:
    return _in_chunks(lambda part: _near_centres(part, mean, whiten, centres), images)


def _near_centres(images, mean, whiten, centres) -> np.ndarray:
    """Return activations of (images, regions, regions, centres), summed by region."""
    patches = _patches(images)
    count, places = patches.shape[:2]
    white = (patches.reshape(-1, patches.shape[-1]) - mean) @ whiten
    near = white @ (-2 * centres.T)
    near += (white**2).sum(axis=1, keepdims=True)
    near += (centres**2).sum(axis=1)
    np.maximum(near, 0, out=near)
    np.sqrt(near, out=near)
    # Nearer than the mean centre counts, by how much.
    np.subtract(near.mean(axis=1, keepdims=True), near, out=near)
    np.maximum(near, 0, out=near)
    near = near.reshape(count, places, places, -1)
    cuts = np.linspace(0, places, REGIONS + 1).round().astype(int)
    for axis in (1, 2):
        near = np.add.reduceat(near, cuts[:-1], axis=axis)
    return near
