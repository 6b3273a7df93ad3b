"""Shows a map over an image: which of its regions speak for a class."""

import numpy as np
import PIL.Image

# How much of the strongest region the colour covers.
COVER = 0.65


def overlay(pixels: np.ndarray, heat: np.ndarray) -> np.ndarray:
    """Return an image in gray with a map over it, from clear to violet to yellow.

    Args:
        pixels: The image, uint8 of shape (height, width, 3).
        heat: The map, 0 or more, of any height and width; its largest value has the
            full colour. What is NaN or infinite is as clear as 0.

    Returns:
        uint8 of the shape of the image.
    """
    import matplotlib

    height, width = pixels.shape[:2]
    known = np.where(np.isfinite(heat), heat, 0.0).astype("float32")
    largest = float(known.max(initial=0.0))
    if largest > 0:
        known = known / largest
    spread = PIL.Image.fromarray(known).resize(
        (width, height), PIL.Image.Resampling.BICUBIC
    )
    strength = np.clip(np.asarray(spread), 0.0, 1.0)
    gray = PIL.Image.fromarray(pixels).convert("L")
    # Lighter than it is, so that dark coats do not swallow the colour.
    base = 70 + np.asarray(gray, "float32")[..., None] * (185 / 255)
    colour = matplotlib.colormaps["plasma"](strength)[..., :3] * 255
    cover = COVER * strength[..., None]
    mixed: np.ndarray = (base * (1 - cover) + colour * cover).round().astype(np.uint8)
    return mixed
