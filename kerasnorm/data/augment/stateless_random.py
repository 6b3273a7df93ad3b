"""Random numbers that are pure functions of seed, epoch and sample, never of order."""

import functools

import numpy as np

GOLDEN = np.uint64(0x9E3779B97F4A7C15)


def mix(bits: np.ndarray) -> np.ndarray:
    """Scramble 64-bit integers one by one; every input bit moves every output bit.

    Args:
        bits: uint64 array.

    Returns:
        uint64 array of the same shape.

    Reference:
        The finalizer of SplitMix64: Steele, Lea, Flood, "Fast splittable pseudorandom
        number generators", 2014.
    """
    bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return bits ^ (bits >> np.uint64(31))


def random_bits(seed: int, epoch, samples, stream: int) -> np.ndarray:
    """Return 64 random bits for each sample.

    Args:
        seed: Any integer; the run's seed.
        epoch: Number of the pass over the data, one or one for each sample.
        samples: Positions of the samples in the data set.
        stream: What the number is for; different streams are independent.

    Returns:
        uint64 array of the shape of `samples`.
    """
    state = np.array(seed % 2**64, np.uint64)
    with np.errstate(over="ignore"):
        for part in (np.array(stream), np.asarray(epoch), np.asarray(samples)):
            state = mix(state + GOLDEN + mix(part.astype(np.uint64) + GOLDEN))
    return state


def uniform(seed: int, epoch, samples, stream: int) -> np.ndarray:
    """Return a random number from 0 to below 1 for each sample, float64.

    Args:
        seed: The run's seed.
        epoch: Number of the pass over the data, one or one for each sample.
        samples: Positions of the samples in the data set.
        stream: What the number is for.

    Returns:
        float64 array of the shape of `samples`.
    """
    return (random_bits(seed, epoch, samples, stream) >> np.uint64(11)) * 2.0**-53


@functools.lru_cache(maxsize=4)
def epoch_order(seed: int, epoch: int, length: int) -> np.ndarray:
    """Return the shuffled order in which one epoch visits the samples.

    Args:
        seed: The run's seed.
        epoch: Number of the pass over the data.
        length: Number of samples.

    Returns:
        A permutation of 0 to length - 1, int64, read-only.
    """
    keys = random_bits(seed, epoch, np.arange(length), ORDER)
    order = np.argsort(keys, kind="stable")
    order.flags.writeable = False
    return order


def balanced_order(seed: int, epoch: int, labels: np.ndarray) -> np.ndarray:
    """Return an order in which every class comes equally often.

    Small classes repeat, each member equally often but for one; of large ones a part
    is left out, another one in each epoch.

    Args:
        seed: The run's seed.
        epoch: Number of the pass over the data.
        labels: Class index of every sample.

    Returns:
        Positions of samples, int64, as many as there are samples.
    """
    length = len(labels)
    classes = np.unique(labels)
    per_class = -(-length // len(classes))
    chosen = []
    for label in classes:
        members = np.flatnonzero(labels == label)
        for turn in range(-(-per_class // len(members))):
            keys = random_bits(seed, epoch, members + turn * length, BALANCE)
            missing = per_class - turn * len(members)
            chosen.append(members[np.argsort(keys, kind="stable")][:missing])
    positions = np.concatenate(chosen)
    return positions[epoch_order(seed, epoch, len(positions))][:length]


# One stream for each kind of draw: a new kind gets a new number, so that it leaves
# the draws of older kinds as they were.
(
    ORDER, ROTATION, HEIGHT_SHIFT, WIDTH_SHIFT, SHEAR, HEIGHT_ZOOM, WIDTH_ZOOM,
    HORIZONTAL_FLIP, VERTICAL_FLIP, CHANNEL_SHIFT, BRIGHTNESS, CONTRAST, SATURATION,
    MIX_KIND, MIX_SHARE, MIX_TOP, MIX_LEFT, BATCH_OPERATION,
    HEIGHT_SHIFT_SIGN, WIDTH_SHIFT_SIGN, BALANCE,
    CROP_AREA, CROP_RATIO, CROP_TOP, CROP_LEFT,
    ERASING, ERASED_AREA, ERASED_RATIO, ERASED_TOP, ERASED_LEFT, ERASED_NOISE,
) = range(31)  # fmt: skip
