"""Which order of the channels a preparation has: a small difference, paired."""

from collections.abc import Iterable

from kerasnorm.doctor.loss_matrix.proportions import ALPHA
from kerasnorm.doctor.probes.inputs.input_map import InputMap
from kerasnorm.doctor.probes.inputs.input_trials import Trials, fall
from kerasnorm.doctor.sampling.samples import Samples


def decide_order(
    trials: Trials, best: InputMap, maps: Iterable[InputMap], samples: Samples
) -> tuple[InputMap, bool | None]:
    """Return the map, or the same preparation in another order of the channels.

    The order often costs too little to decide which preparation fits; between two
    orders of the same one, the same samples tell it.

    Args:
        trials: The model.
        best: The map that was found.
        maps: Usual preparations in every order.
        samples: Samples that did not choose the map.

    Returns:
        The map, and whether its order is proved; None where there is no other order.
    """
    if best.preparation is None:
        return best, None
    family = best.preparation.partition(", ")[0]
    others = [
        images
        for images in maps
        if images.preparation is not None
        and images.preparation.partition(", ")[0] == family
        and images.order != best.order
    ]
    if not others or best.preparation.endswith("negative"):
        return best, None
    ours, theirs = (trials.measure(samples, m)[0] for m in (best, others[0]))
    # Two questions, one in each direction.
    if fall(ours, theirs, ALPHA)[0] < ALPHA / 2:
        return others[0], True
    return best, fall(theirs, ours, ALPHA)[0] < ALPHA / 2
