"""How large training pictures are at which point of a progressive training."""

# Share of the training up to which a share of the full side is enough. Most of what
# there is to learn shows in small pictures, which cost a third of the time.
STAGES = ((0.35, 0.6), (0.7, 0.8))
# Sides are multiples of what networks usually halve pictures to.
STEP = 8


def side_at(share: float, side: int) -> int:
    """Return the side of the training pictures, in pixels.

    Args:
        share: Share of the training that is over, 0 to 1.
        side: The full side.

    Example:
        >>> [side_at(share, 80) for share in (0.0, 0.5, 0.9)]
        [48, 64, 80]
    """
    for end, scale in STAGES:
        if share < end:
            return max(STEP, round(scale * side / STEP) * STEP)
    return side
