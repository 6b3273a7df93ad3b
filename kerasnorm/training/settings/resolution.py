"""How large training images are at which point of a progressive training."""

# Fraction of the training up to which images have that fraction of the full side: they
# have 0.36 and then 0.64 of its pixels.
STAGES = ((0.35, 0.6), (0.7, 0.8))
# Sides are multiples of what networks usually halve images to.
STEP = 8
# Below, the last stages of a network see a pixel or two. Smaller images do not grow.
SMALLEST = 32


def side_at(fraction: float, side: int) -> int:
    """Return the side of the training images, in pixels.

    Args:
        fraction: Fraction of the training that is over, 0 to 1.
        side: The full side.

    Example:
        >>> [side_at(fraction, 80) for fraction in (0.0, 0.5, 0.9)]
        [48, 64, 80]
    """
    for end, scale in STAGES:
        if fraction < end:
            return max(min(side, SMALLEST), rounded(scale * side))
    return side


def rounded(side: float) -> int:
    """Return the nearest side that networks halve without a remainder, in pixels.

    Args:
        side: The wished side, in pixels.

    Example:
        >>> rounded(97.2)
        96
    """
    return round(side / STEP) * STEP
