"""Looks for what no loss shows: inputs, norms and weights that are out of the way."""

import keras
import numpy as np
from keras import ops

from kerasnorm.doctor.forward.statistics import batch_norms
from kerasnorm.doctor.sampling.ragged import is_ragged
from kerasnorm.doctor.sampling.samples import arrays_of
from kerasnorm.doctor.sampling.splits import Splits
from kerasnorm.inspection.layer_tree import iter_layers


def find_unsupported_inputs(model: keras.Model, splits: Splits) -> list[str]:
    """Say which inputs and which norms cannot be examined as others are.

    Args:
        model: The model.
        splits: All samples.
    """
    found = []
    for field, split in splits.items():
        name, arrays = field.replace("_", " "), list(arrays_of(split.x))
        odd = [a for a in arrays if a.dtype.kind == "f" and not np.isfinite(a).all()]
        if odd:
            found.append(f"{name} inputs hold values that are not finite numbers")
        if any(map(is_ragged, arrays)):
            found.append(
                f"{name} inputs differ in shape: no maps and moments of them were "
                "looked at"
            )
    known = batch_norms(model, frozen=True)
    others = [
        path
        for path, layer in iter_layers(model)
        if path not in known and getattr(layer, "moving_variance", None) is not None
    ]
    if others:
        found.append(
            f"{others[0]} keeps moving statistics in a way of its own: what they cost "
            "was not measured"
        )
    return found


def weights_are_finite(model: keras.Model) -> bool:
    """Return whether all trainable weights are finite numbers.

    Args:
        model: The model.
    """
    return all(
        np.isfinite(ops.convert_to_numpy(ops.cast(v, "float32"))).all()
        for v in model.trainable_variables
    )
