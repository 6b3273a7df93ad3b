"""Judges whether labels are wrong, from what reference models say of them."""

from kerasnorm.doctor.checks.data import check_mapping, generalization_gap
from kerasnorm.doctor.checks.labels import check_labels
from kerasnorm.doctor.finding import Finding
from kerasnorm.doctor.measurements import Measurements


def check_noise(m: Measurements) -> Finding | None:
    """Find labels that are wrong: hard images alone would not be contradicted so.

    It stands beside overfitting and never instead of it: a network that knows wrong
    labels has learned them by heart.
    """
    noise = m.label_noise
    if noise is None or noise.excess is None or not noise.proved:
        return None
    # Validation samples that are prepared or labelled in another way prove nothing.
    if check_mapping(m) or check_labels(m):
        return None
    excess = noise.excess
    return Finding(
        "label_noise",
        "error",
        f"About {excess.fraction:.0%} of the training labels are wrong (95% interval "
        f"{excess.low:.0%} to {excess.high:.0%}): models that never saw a label "
        "contradict it more often than validation labels of images as hard.",
        {
            "fraction": excess.fraction,
            "interval": [excess.low, excess.high],
            "standard_errors": excess.z,
            "smallest_detectable": excess.detectable,
            "accuracy_of_reference": noise.accuracy,
            "samples": list(noise.samples),
        },
        "look at the training samples whose labels are contradicted most clearly and "
        "correct them; until then label smoothing and early stopping",
        max(generalization_gap(m)[0], 0.0),
    )
