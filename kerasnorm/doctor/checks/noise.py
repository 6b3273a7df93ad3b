"""Judges whether labels are wrong, from what reference models say of them."""

from kerasnorm.doctor.checks.data import check_mapping, generalization_gap
from kerasnorm.doctor.checks.labels import check_labels
from kerasnorm.doctor.finding import Finding
from kerasnorm.doctor.measurements import Measurements


def check_noise(m: Measurements) -> Finding | None:
    """Find labels that are wrong: hard images alone would not be contradicted so.

    It stands beside overfitting and never instead of it: a network that knows wrong
    labels has memorized them.
    """
    noise = m.label_noise
    if noise is None or not noise.proved:
        return None
    # Validation samples that are prepared or labelled in another way prove nothing.
    if check_mapping(m) or check_labels(m):
        return None
    fraction, low, high = noise.fraction
    if noise.excess_proved:
        whose = "training labels"
        reason = "contradict them more often than validation labels of images as hard"
    else:
        whose = "labels of both splits" if noise.comparable else "training labels"
        reason = "contradict them however clear the image"
    suspects = noise.suspects
    evidence = {
        "fraction": fraction,
        "interval": [low, high],
        "standard_errors": noise.excess.z if noise.excess else None,
        "likelihood_ratio": noise.plateau.ratio if noise.plateau else None,
        "smallest_detectable": noise.detectable,
        "accuracy_of_reference": noise.accuracy,
        "samples": list(noise.samples),
        "suspects": [suspect.position for suspect in suspects],
    }
    files = [suspect.file for suspect in suspects if suspect.file]
    return Finding(
        "label_noise",
        "error",
        f"About {fraction:.0%} of the {whose} are wrong (95% interval {low:.0%} to "
        f"{high:.0%}): models that never saw a label {reason}. {len(suspects)} "
        "training samples are listed as suspects, the clearest first.",
        evidence | ({"suspect_files": files} if files else {}),
        effect=max(generalization_gap(m)[0], 0.0),
        images=tuple((s.caption, s.image) for s in suspects if s.image is not None),
    )
