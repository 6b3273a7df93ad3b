"""Gradient operations by unit, one unit after the other, in float64."""

import numpy as np

# Which axes number the units of a kernel; the others make up one unit.
UNIT_INDEX = {
    "dense": (1,),
    "conv1d": (2,),
    "conv2d": (3,),
    "conv3d": (4,),
    "depthwise1d": (1, 2),
    "depthwise2d": (2, 3),
    "transposed1d": (1,),
    "transposed2d": (2,),
    "transposed3d": (3,),
    "vector": (),
}


def units(shape, kind):
    """Yield for each unit of a variable the index that cuts it out."""
    numbering = UNIT_INDEX[kind]
    for numbers in np.ndindex(*[shape[axis] for axis in numbering]):
        index = [slice(None)] * len(shape)
        for axis, number in zip(numbering, numbers, strict=True):
            index[axis] = number
        yield tuple(index)


def clip(gradient, weights, kind, clip_factor, epsilon):
    gradient = gradient.astype("float64").copy()
    for unit in units(gradient.shape, kind):
        norm = np.sqrt(np.sum(gradient[unit] ** 2))
        limit = clip_factor * max(np.sqrt(np.sum(weights[unit] ** 2)), epsilon)
        if norm > limit:
            gradient[unit] = gradient[unit] * limit / max(norm, 1e-6)
    return gradient


def centralize(gradient, kind):
    gradient = gradient.astype("float64").copy()
    if kind == "vector":
        return gradient
    for unit in units(gradient.shape, kind):
        if gradient[unit].size > 1:
            gradient[unit] = gradient[unit] - np.mean(gradient[unit])
    return gradient


def norm_loss_gradient(weights, kind):
    """Half the gradient of the sum over units of (1 - |w|)^2."""
    result = np.zeros(weights.shape)
    for unit in units(weights.shape, kind):
        norm = np.sqrt(np.sum(weights[unit] ** 2))
        result[unit] = (1 - 1 / max(norm, 1e-8)) * weights[unit]
    return result


def as_matrix(tensor, kind):
    """Return the units as columns."""
    return np.stack([tensor[u].reshape(-1) for u in units(tensor.shape, kind)], axis=1)


def from_matrix(matrix, shape, kind):
    """Undo `as_matrix`."""
    result = np.zeros(shape)
    for column, unit in zip(matrix.T, units(shape, kind), strict=True):
        result[unit] = column.reshape(result[unit].shape)
    return result
