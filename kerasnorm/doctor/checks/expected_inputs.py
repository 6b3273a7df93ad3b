"""Judges whether the network gets the inputs that it was trained on."""

from kerasnorm.doctor.finding import Finding
from kerasnorm.doctor.measurements import Measurements

# Factors nearer to 1 are not worth a word.
NEAR = 1.2
# More than these are features, each with a scale of its own.
MOST_CHANNELS = 4


def check_expected(m: Measurements) -> Finding | None:
    """Find inputs that are scaled, shifted or ordered unlike those of the training."""
    e = m.expected
    if e is None:
        return None
    images = e.images
    parts = []
    table = len(images.scale) > MOST_CHANNELS and len(set(images.scale)) > 1
    if not table and not 1 / NEAR < images.factor < NEAR:
        parts.append(
            f"about {images.factor:.3g} times larger"
            if images.factor > 1
            else f"about {1 / images.factor:.3g} times smaller"
        )
    if images.is_reordered:
        parts.append("with channels in another order")
    wanted = f"inputs {', '.join(parts)}" if parts else "other inputs"
    usual = f", prepared as {images.preparation}" if images.preparation else ""
    if e.order_proved is False:
        usual += " or the same in the other order of channels"
    evidence: dict = {
        "scale": list(images.scale),
        "offset": list(images.offset),
        "channel_order": list(images.order),
        "channel_order_proved": e.order_proved,
        "channel_axis": images.axis,
        "map": images.name,
        "preparation": images.preparation,
        "found_by": e.source,
        "splits": list(e.splits),
        "p_value": e.p_value,
        "interval_low": e.low,
        "share_of_map_and_recalibration": e.alone,
    }
    if e.misfit is not None:
        evidence["misfit_of_first_norm"], evidence["misfit_mapped"] = e.misfit
    changes = []
    for split, before in e.before.items():
        after = e.after[split]
        evidence |= {
            f"{split}_loss": before.loss,
            f"{split}_loss_mapped": after.loss,
            f"{split}_accuracy": before.accuracy,
            f"{split}_accuracy_mapped": after.accuracy,
        }
        change = f"the {split} loss from {before.loss:.3g} to {after.loss:.3g}"
        if before.accuracy is not None and after.accuracy is not None:
            change += f" (accuracy {before.accuracy:.1%} to {after.accuracy:.1%})"
        changes.append(change)
    return Finding(
        "input_mismatch",
        "error",
        f"The network expects {wanted}{usual}: {images.name} changes "
        f"{' and '.join(changes)}.",
        evidence,
        f"prepare the inputs as in training ({images.name}), best inside the model"
        + _layer(images),
        max(e.before[split].loss - e.after[split].loss for split in e.before),
    )


def check_weights(m: Measurements) -> Finding | None:
    """Find inputs unlike those that the frozen weights were trained on."""
    w = m.weights_inputs
    if w is None:
        return None
    before, after = w.accuracy
    return Finding(
        "input_mismatch",
        "error",
        "The frozen weights were trained on inputs prepared as "
        f"{w.images.preparation}, which those given are not: with {w.images.name} a "
        f"classifier trained anew on their features is right for {after:.1%} of other "
        f"samples, as they are given for {before:.1%}.",
        {
            "map_of_weights": w.images.name,
            "preparation": w.images.preparation,
            "norm": w.norm,
            "misfit_of_first_norm": w.misfit[0],
            "misfit_mapped": w.misfit[1],
            "accuracy_of_new_classifier": before,
            "accuracy_of_new_classifier_mapped": after,
            "accuracy_change_interval": [w.change.low, w.change.high],
        },
        f"prepare the inputs as these weights expect ({w.images.name}), best inside "
        "the model, and train the classifier again" + _layer(w.images),
        where=(w.norm,),
    )


def _layer(images) -> str:
    """Return layer and flag of a map that treats channels alike, or nothing."""
    alike = len(set(images.scale)) == len(set(images.offset)) == 1
    if images.is_reordered or not alike:
        return ""
    scale, offset = images.scale[0], images.offset[0]
    factor = f"{scale:.6g}" if abs(scale) > 0.1 else f"1/{1 / scale:.6g}"
    layer = f"{factor}, offset={offset:.6g}" if offset else factor
    flag = f"{factor},{offset:.6g}" if offset else factor
    return (
        f": keras.layers.Rescaling({layer}); for files of values from 0 to 255 "
        f"kerasnorm doctor MODEL --rescale {flag}"
    )
