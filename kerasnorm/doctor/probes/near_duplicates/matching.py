"""Lays one image over another: scale, place and mirror image, and how well they fit.

What is compared is detail, neither light nor colour: two crops of one photo fit nearly
everywhere once one is laid over the other, two photos of a similar scene nowhere.
"""

from dataclasses import dataclass

import numpy as np
from scipy import fft, ndimage

from kerasnorm.doctor.probes.labels.image_features import SIDE, standardize_images

# Detail between these widths is compared: noise is finer, light and shade are coarser.
FINEST, COARSEST = 1.0, 4.0
# Scales that a first place is looked for at, and how far it may be from the middle,
# at half the size.
SCALES = (0.75, 0.83, 0.91, 1.0, 1.1, 1.2, 1.33)
HALF, CANVAS, FARTHEST = SIDE // 2, 32, 8
# Part of the image that both have in common.
LEAST_OVERLAP = 0.4
# Steps of the fit, and its largest one: of the four numbers of the map about the
# middle, and in pixels.
STEPS, LARGEST_TURN, LARGEST_MOVE = 12, 0.05, 2.0
DAMPING = 1e-4
CHUNK = 256


@dataclass(frozen=True)
class Places:
    """Where one image lies on another.

    Args:
        likeness: Correlation of their detail, (pairs,).
        mirrored: Whether the second one is mirrored.
        scale: Its scale.
        row: How far it is moved down, in pixels of 48.
        column: How far it is moved to the right.
    """

    likeness: np.ndarray
    mirrored: np.ndarray
    scale: np.ndarray
    row: np.ndarray
    column: np.ndarray

    def only(self, chosen: np.ndarray) -> "Places":
        """Return the places of some of the pairs."""
        return Places(*(values[chosen] for values in vars(self).values()))


def details(images: np.ndarray, others: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the detail of images, as float32 of (images, 48, 48).

    What all images have in common, such as the ground behind them, is taken away.

    Args:
        images: Numbers of (images, height, width, channels).
        others: Images of the other split likewise.
    """
    gray = standardize_images(np.concatenate([images, others])).mean(axis=3)
    gray -= gray[: len(images)].mean(axis=0)
    fine = ndimage.gaussian_filter(gray, (0, FINEST, FINEST))
    fine -= ndimage.gaussian_filter(gray, (0, COARSEST, COARSEST))
    size = np.sqrt((fine**2).mean(axis=(1, 2), keepdims=True))
    fine = (fine / np.maximum(size, 1e-6)).astype("float32")
    return fine[: len(images)], fine[len(images) :]


def find_places(first: np.ndarray, second: np.ndarray, pairs: np.ndarray) -> Places:
    """Look for the scale and the place at which the second image fits the first.

    Args:
        first: Detail of images, as `details` returns it.
        second: Detail of others.
        pairs: Number of a first and of a second image, (pairs, 2).

    Reference:
        Padfield, "Masked object registration in the Fourier domain", IEEE Transactions
        on Image Processing 21, 2012.
    """
    here, mask = _at_scale(_halved(first), 1.0)
    ours = [fft.rfft2(part) for part in (here, here**2, mask)]
    shifts = np.fft.fftfreq(CANVAS, 1 / CANVAS)
    near = np.abs(shifts) <= FARTHEST
    found = np.full((len(pairs), 5), -1.0)
    for mirrored in (False, True):
        small = _halved(second[:, :, ::-1] if mirrored else second)
        for scale in SCALES:
            there, other_mask = _at_scale(small, scale)
            theirs = [fft.rfft2(part) for part in (there, there**2, other_mask)]
            common = _correlate(ours[2], theirs[2])
            outside = (common < LEAST_OVERLAP * HALF**2) | ~np.outer(near, near)
            for begin in range(0, len(pairs), CHUNK):
                part = slice(begin, begin + CHUNK)
                a, b = pairs[part].T
                size = _correlate(ours[1][a], theirs[2])
                size *= _correlate(ours[2], theirs[1][b])
                fit = _correlate(ours[0][a], theirs[0][b])
                fit /= np.sqrt(np.maximum(size, 1e-3))
                fit[:, outside] = -1
                flat = fit.reshape(len(a), -1)
                place = flat.argmax(axis=1)
                value = np.take_along_axis(flat, place[:, None], 1)[:, 0]
                row, column = (2 * shifts[n] for n in divmod(place, CANVAS))
                kinds = np.full(len(a), mirrored), np.full(len(a), scale)
                seen = np.stack([value, *kinds, row, column], axis=1)
                found[part] = np.where(
                    (value > found[part, 0])[:, None], seen, found[part]
                )
    return Places(found[:, 0], found[:, 1] > 0, *found[:, 2:].T)


def _correlate(ours: np.ndarray, theirs: np.ndarray) -> np.ndarray:
    return fft.irfft2(ours * np.conj(theirs), s=(CANVAS, CANVAS))


def _halved(images: np.ndarray) -> np.ndarray:
    return images.reshape(len(images), HALF, 2, HALF, 2).mean(axis=(2, 4))


def _at_scale(images: np.ndarray, scale: float) -> tuple[np.ndarray, np.ndarray]:
    """Return images in the middle of a canvas, and what of it they cover."""
    places = (np.arange(CANVAS) - (CANVAS - 1) / 2) / scale + (HALF - 1) / 2
    covered = (places >= 0) & (places <= HALF - 1)
    weights = np.maximum(1 - np.abs(places[:, None] - np.arange(HALF)), 0)
    weights = (weights * covered[:, None]).astype("float32")
    laid = weights @ images @ weights.T
    return laid, np.outer(covered, covered).astype("float32")


def fit(
    first: np.ndarray, second: np.ndarray, pairs: np.ndarray, places: Places
) -> np.ndarray:
    """Return the correlation of pairs of images, the second laid over the first.

    From a first place, an affine map is fitted by Gauss-Newton steps.

    Args:
        first: Detail of images, as `details` returns it.
        second: Detail of others.
        pairs: Number of a first and of a second image, (pairs, 2).
        places: Where to begin.

    Reference:
        Baker and Matthews, "Lucas-Kanade 20 years on", International Journal of
        Computer Vision 56, 2004.
    """
    values = [
        _fit_some(first, second, pairs[part], places.only(part))
        for begin in range(0, len(pairs), CHUNK)
        for part in [np.arange(begin, min(begin + CHUNK, len(pairs)))]
    ]
    return np.concatenate(values) if values else np.empty(0)


def _fit_some(first, second, pairs, places: Places) -> np.ndarray:
    ours, theirs = first[pairs[:, 0]], second[pairs[:, 1]]
    theirs = np.where(places.mirrored[:, None, None], theirs[:, :, ::-1], theirs)
    slopes = np.gradient(theirs, axis=(1, 2))
    u = np.arange(SIDE, dtype="float32") - (SIDE - 1) / 2
    rows, columns = (grid.ravel() for grid in np.meshgrid(u, u, indexing="ij"))
    grid = np.stack([rows, columns, np.ones_like(rows)])
    # Row and column of the second image, each linear in those of the first.
    maps = np.zeros((len(pairs), 2, 3))
    maps[:, 0, 0] = maps[:, 1, 1] = 1 / places.scale
    maps[:, 0, 2] = -places.row / places.scale
    maps[:, 1, 2] = -places.column / places.scale
    best = np.full(len(pairs), -1.0)
    flat = ours.reshape(len(pairs), -1)
    largest = np.tile([LARGEST_TURN, LARGEST_TURN, LARGEST_MOVE], 2)
    for step in range(STEPS + 1):
        where = (maps @ grid + (SIDE - 1) / 2).astype("float32")
        inside = ((where >= 0) & (where <= SIDE - 1)).all(axis=1)
        laid, *sloped = (_read(image, where) * inside for image in (theirs, *slopes))
        size, product = (laid**2).sum(axis=1), (laid * flat).sum(axis=1)
        own = (flat**2 * inside).sum(axis=1)
        likeness = product / np.sqrt(np.maximum(size * own, 1e-6))
        enough = inside.mean(axis=1) >= LEAST_OVERLAP
        best = np.maximum(best, np.where(enough, likeness, -1))
        if step == STEPS:
            break
        gain = (product / np.maximum(size, 1e-6))[:, None]
        rest = (flat - gain * laid) * inside
        parts = [gain * slope * g for slope in sloped for g in grid]
        jacobian = np.stack(parts, axis=1)
        normal = jacobian @ jacobian.transpose(0, 2, 1)
        strength = np.trace(normal, axis1=1, axis2=2)[:, None, None]
        normal = normal + (DAMPING * strength + 1e-9) * np.eye(6)
        move = np.linalg.solve(normal, jacobian @ rest[:, :, None])[:, :, 0]
        maps += np.clip(move, -largest, largest).reshape(-1, 2, 3)
    return best


def _read(images: np.ndarray, where: np.ndarray) -> np.ndarray:
    """Return images at places of (images, 2, values), linear between pixels."""
    low = np.clip(np.floor(where), 0, SIDE - 2).astype(int)
    part = np.clip(where - low, 0, 1)
    corner = low[:, 0] * SIDE + low[:, 1]
    flat = images.reshape(len(images), -1)
    upper, upper_right, lower, lower_right = (
        np.take_along_axis(flat, corner + offset, axis=1)
        for offset in (0, 1, SIDE, SIDE + 1)
    )
    down, right = part[:, 0], part[:, 1]
    top = upper + right * (upper_right - upper)
    bottom = lower + right * (lower_right - lower)
    return top + down * (bottom - top)
