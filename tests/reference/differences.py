"""Gradients by central differences in float64: slow, and independent of any formula."""

import numpy as np


def gradients(loss, arrays, step=1e-5, most=20):
    """Return parts of the gradient of `loss(*arrays)` with respect to each array.

    Returns:
        Per array a pair: the flat indices looked at, all or `most` drawn ones, and the
        derivatives there.
    """
    arrays = [np.array(array, dtype="float64") for array in arrays]
    rng = np.random.default_rng(17)
    results = []
    for array in arrays:
        flat = array.reshape(-1)
        chosen = rng.permutation(flat.size)[:most]
        derivatives = np.zeros(chosen.size)
        for place, index in enumerate(chosen):
            value = flat[index]
            flat[index] = value + step
            above = loss(*arrays)
            flat[index] = value - step
            below = loss(*arrays)
            flat[index] = value
            derivatives[place] = (above - below) / (2 * step)
        results.append((chosen, derivatives))
    return results
