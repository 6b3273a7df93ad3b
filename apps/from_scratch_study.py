"""From scratch or pretrained: what each needs in photos, and what batch norms do to it.

python -m apps.from_scratch_study                          tiny, drawn images, 3 minutes
python -m apps.from_scratch_study --data PHOTOS --scale quick
python -m apps.from_scratch_study --data PHOTOS --scale standard

Learning curves over 100, 500 and 2,000 photos: a network from scratch at 96 pixels,
and EfficientNet-Lite0 with the weights of ImageNet at 224 pixels, of which only the
classifier trains, or everything, with batch norms that stay frozen, are recalibrated,
become group norms, or train along. Every training has about the same processor time:
as many epochs as fit, where an image trains in three times the time it validates in.
On two cores a cell of `quick` takes two minutes, one of `standard` five. `tiny` starts
from a small network that has learned other drawn images, and needs no weights.
"""

import sys

from kerasnorm.studies.command import main
from kerasnorm.studies.data import StudyData, counts_of
from kerasnorm.studies.rows import differences, grouped, interval
from kerasnorm.studies.study import Cell, Row, Study
from kerasnorm.training.settings import Settings

from . import cats_dogs

SCRATCH, FROZEN_HEAD = "from scratch", "frozen head"
POLICIES = ("frozen", "recalibrate", "group", "unfrozen")
SIZES = {"tiny": (40, 160), "quick": (100, 500, 2000), "standard": (100, 500, 2000)}
# Images that a network sees in the time of a cell, one in training counting thrice:
# those of 96 pixels from scratch, and those of 224 pixels.
BUDGETS = {
    "tiny": (3_000, 2_500),
    "quick": (60_000, 6_000),
    "standard": (150_000, 15_000),
}
STEP_PER_FORWARD = 3
TINY = {"width": 8, "image_size": 48, "stages": 3, "stem_strides": 2}
VALIDATION_OF_TINY = 100


def grid(scale: str, data: StudyData, seed: int) -> list[Cell]:
    """Return the cells of a seed.

    Args:
        scale: Name of the scale.
        data: The images; at `tiny` only so many drawn ones as it needs.
        seed: The seed.
    """
    largest = max(SIZES[scale])
    folder = data.folder(largest // 2, VALIDATION_OF_TINY)
    count, validated = counts_of(folder)
    common = Settings(data=folder, seed=seed, examine=False, preflight=False)
    # Epochs alone decide the end.
    own = {"max_minutes": None, "patience": 1000}
    presets = cats_dogs.APP.presets
    scratch = common.replace(**presets["quick"] | own | {"image_size": 96})
    pretrained = common.replace(**presets["pretrained"] | own)
    after = None
    if scale == "tiny":
        scratch = scratch.replace(**TINY, progressive_resizing=False)
        other = StudyData("drawn").folder(400, VALIDATION_OF_TINY)
        earlier = scratch.replace(data=other, seed=1000, epochs=6)
        after = Cell({"start": "pretraining", "images": 800}, earlier, "drawn")
        pretrained = pretrained.replace(**TINY, model="convnet", weights="cell")
    cells = []
    for images in sorted({min(size, count) for size in SIZES[scale]}):
        for start in (SCRATCH, FROZEN_HEAD, *POLICIES):
            is_scratch = start == SCRATCH
            budget = BUDGETS[scale][not is_scratch]
            of_epoch = STEP_PER_FORWARD * images + validated
            settings = (scratch if is_scratch else pretrained).replace(
                fraction=images / count,
                batch_size=min(32, images),
                epochs=max(2, round(budget / of_epoch)),
            )
            if start == FROZEN_HEAD:
                settings = settings.replace(frozen=True)
            elif not is_scratch:
                settings = settings.replace(norm_policy=start)
            axes = {"start": start, "images": images}
            cells.append(Cell(axes, settings, data.name, None if is_scratch else after))
    return cells


def sentences(rows: list[Row]) -> list[str]:
    """Say what to start from, and what to do with batch norms.

    Args:
        rows: The rows of one data set.
    """
    found = {
        key: interval([row["accuracy"] for row in own])[0]
        for key, own in grouped(rows, ("start", "images")).items()
    }
    return [*_on_start(found), *_on_policy(rows)]


def _on_start(found: dict[tuple, float]) -> list[str]:
    sizes = sorted({n for start, n in found if start == SCRATCH})
    both = [n for n in sizes if (FROZEN_HEAD, n) in found]
    if not both:
        return []
    least, most = both[0], both[-1]
    head, scratch = found[FROZEN_HEAD, least], found[SCRATCH, least]
    said = (
        f"with {least} images the classifier alone on pretrained weights is right for "
        f"{head:.1%} and a network from scratch for {scratch:.1%}"
    )
    if most > least:
        said += f", which reaches {found[SCRATCH, most]:.1%} with {most}"
    better = all(found[FROZEN_HEAD, n] > found[SCRATCH, n] for n in both)
    if better:
        return [f"Start from pretrained weights (--preset pretrained): {said}."]
    return [f"Compare both starts on your own images: {said}."]


def _on_policy(rows: list[Row]) -> list[str]:
    columns = ("images", "seed")
    gains: dict[str, list[float]] = {}
    for policy in POLICIES:
        own = [row for row in rows if row["start"] in (policy, FROZEN_HEAD)]
        pairs = differences(own, lambda r: r["start"] != FROZEN_HEAD, columns)
        gains |= {policy: pairs} if pairs else {}
    if not gains:
        return []
    best = max(gains, key=lambda policy: interval(gains[policy])[0])
    mean, low, high = (100 * value for value in interval(gains[best]))
    measured = (
        f"the best of {len(gains)} norm policies, {best}, changes accuracy by "
        f"{mean:+.1f} points against the classifier alone (95% interval {low:+.1f} to "
        f"{high:+.1f}, n = {len(gains[best])} pairs)"
    )
    if low > 0:
        return [f"Fine-tune everything with --norm-policy {best}: {measured}."]
    return [f"Train the classifier alone (--frozen), which is faster: {measured}."]


STUDY = Study(
    name="from_scratch_study",
    title="Networks from scratch against pretrained ones, by number of images.",
    scales={"tiny": (0,), "quick": (0, 1), "standard": (0, 1, 2)},
    grid=grid,
    lines="start",
    x="images",
    sentences=sentences,
)

if __name__ == "__main__":
    sys.exit(main(STUDY))
