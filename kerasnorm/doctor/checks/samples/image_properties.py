"""Judges properties of images: where errors sit, what differs, what is relied on."""

from kerasnorm.doctor.checks.data import check_mapping, generalization_gap
from kerasnorm.doctor.finding import Finding
from kerasnorm.doctor.measurements import Measurements
from kerasnorm.doctor.probes.images.properties import by_name

# Accuracy that a change must give, and its lower 99% limit.
MATERIAL, PROVED = 0.03, 0.01
# The same of a segment, which is a part of the samples.
SEGMENT_GAINS = 0.05
# Part of the gap that moving a property closes where it is a cause.
CLOSES = 0.2
# Loss that it saves at least.
SAVES = 0.07
# Area of a property that tells a class nearly by itself, and the fraction of either
# side that changes its answer with it.
TELLS, FOLLOW = 0.85, 0.3
# The same from which it is worth a word.
FOLLOW_A_LITTLE = 0.2
# How much more than a change as large the other way.
MORE_THAN_CONTROL = 1.5


def check_segments(m: Measurements) -> Finding | None:
    """Find a kind of samples that holds far more errors than the others."""
    if not m.segments:
        return None
    segment = max(m.segments, key=_segment_gain)
    gain = _segment_gain(segment)
    change = segment.change
    changed = ""
    if change is not None:
        changed = (
            f" With the {segment.what} of the others, and nothing else changed, it is "
            f"{segment.accuracy + change.value:.1%}."
        )
    remedy = f"look at validation samples of {segment.name}, and add such to training"
    if segment.wanted is not None:
        remedy = (
            f"keras.layers.{by_name(segment.what).layer} on training images, or more "
            f"{segment.name.partition(' (')[0]} among them"
        )
    return Finding(
        "weak_segment",
        "warning" if gain >= SEGMENT_GAINS else "info",
        f"Of {segment.name}, {segment.samples} validation samples, "
        f"{segment.accuracy:.1%} are right, of all others {segment.rest:.1%} (p "
        f"{segment.p_value:.1g} with {segment.looked_at} segments looked at)."
        f"{changed}",
        {
            "segment": segment.name,
            "property": segment.what,
            "samples": segment.samples,
            "accuracy": segment.accuracy,
            "accuracy_of_others": segment.rest,
            "p_value": segment.p_value,
            "segments_looked_at": segment.looked_at,
            "accuracy_with_property_changed": change
            and segment.accuracy + change.value,
            "gain_interval": change and [change.low, change.high],
            "others": [s.name for s in m.segments if s is not segment],
        },
        remedy,
        max(gain, 0.0) * segment.samples / max(len(m.scores[m.repaired[1]].labels), 1),
    )


def _segment_gain(segment) -> float:
    """Return the accuracy that changing the property gives, 0 where unproved."""
    change = segment.change
    return change.value if change is not None and change.low >= PROVED else 0.0


def check_image_drift(m: Measurements) -> Finding | None:
    """Find a property of images that differs between the splits."""
    if not m.drifts:
        return None
    drift = max(m.drifts, key=lambda d: (_costs(m, d), d.area))
    costs = _costs(m, drift) and not check_mapping(m)
    gain, low, high = drift.gain
    gap = generalization_gap(m)[0]
    word = by_name(drift.name)
    lead = word.less if drift.validation < drift.train else word.more
    fraction = gain / gap if gap > 0 else None
    explains = f", {min(max(fraction, 0), 1):.0%} of the gap" if fraction else ""
    return Finding(
        "image_drift",
        "warning" if costs else "info",
        f"Validation images are more {lead}: {drift.name} alone tells the splits apart "
        f"(area {drift.area:.2f}). Moved to that of training images, and nothing else "
        f"changed, the validation loss falls by {gain:.3g}{explains}, and accuracy "
        f"goes from {drift.accuracy:.1%} to {drift.accuracy + drift.change.value:.1%}.",
        {
            "property": drift.name,
            "area": drift.area,
            "training_median": drift.train,
            "validation_median": drift.validation,
            "loss_saved": gain,
            "interval": [low, high],
            "loss_saved_on_training": drift.gain_on_training,
            "fraction_of_gap": fraction,
            "accuracy": drift.accuracy,
            "accuracy_moved": drift.accuracy + drift.change.value,
            "gain_interval": [drift.change.low, drift.change.high],
            "others": {d.name: d.area for d in m.drifts if d is not drift},
        },
        f"collect or prepare both splits with one {drift.name}, or "
        f"keras.layers.{word.layer} on training images",
        max(gain, 0.0),
    )


def _costs(m: Measurements, drift) -> bool:
    """Return whether a property that differs is proved to matter."""
    gain, low, _ = drift.gain
    own = gain - max(drift.gain_on_training, 0.0)
    points = drift.change.value >= MATERIAL and drift.change.low >= PROVED
    gap = generalization_gap(m)[0]
    saves = low > 0 and own >= max(SAVES * m.loss_unit, CLOSES * gap)
    return own > 0 and (points or saves)


def check_shortcut(m: Measurements) -> Finding | None:
    """Find a property of images that the network takes for a class."""
    used = [s for s in m.shortcuts if min(s.left, s.joined) >= FOLLOW_A_LITTLE]
    used = [s for s in used if s.change.high < 0]
    if not used:
        return None
    shortcut = max(used, key=lambda s: min(s.left, s.joined))
    follows = min(shortcut.left, shortcut.joined)
    both = (shortcut.left + shortcut.joined) / 2
    relied_on = (
        shortcut.area >= TELLS
        and follows >= FOLLOW
        and both >= MORE_THAN_CONTROL * shortcut.control
    )
    return Finding(
        "shortcut",
        "warning" if relied_on else "info",
        f"{shortcut.name.capitalize()} alone tells class {shortcut.number} from the "
        f"others (area {shortcut.area:.2f}), and the network uses it: exchanged, with "
        f"nothing else changed, it leaves {shortcut.kept:.0%} of rightly recognized "
        f"samples right ({shortcut.left:.0%} of the class leave it, "
        f"{shortcut.joined:.0%} of the others join it).",
        {
            "property": shortcut.name,
            "class": shortcut.number,
            "area": shortcut.area,
            "right_before": 1.0,
            "right_after": shortcut.kept,
            "change_interval": [shortcut.change.low, shortcut.change.high],
            "left_the_class": shortcut.left,
            "joined_the_class": shortcut.joined,
            "moved_the_other_way": shortcut.control,
        },
        f"if {shortcut.name} is not what makes the class: images of all classes from "
        f"the same sources, or keras.layers.{by_name(shortcut.name).layer} on training "
        "images",
        0.0,
    )
