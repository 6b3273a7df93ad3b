"""What fine-tuning adds to a frozen head, and what batch norms do meanwhile.

    python -m benchmarks.fine_tuning cifar --data cifar10:FILE.npz
    python -m benchmarks.fine_tuning photos --data PHOTOS
    python -m benchmarks.fine_tuning policies --data PHOTOS

`cifar`: 50 images of each class of CIFAR-10, enlarged to 128 pixels, other ones for
each seed. `photos`: 15 minutes of fine-tuning 2,000 photos. `policies`: two minutes
with each norm policy. The first epoch of every training is that of the frozen head, so
that the last epoch is compared with it on the same validation images, and no choice of
the best epoch favours either. One row of docs/fine_tuning/results.csv is written for
each finished training, and what has a row is not trained again.
"""

import sys

from apps import cats_dogs
from kerasnorm.studies.command import main
from kerasnorm.studies.data import StudyData
from kerasnorm.studies.rows import grouped, interval
from kerasnorm.studies.study import Cell, Row, Study
from kerasnorm.training.settings import Settings

# Norm policies and changes of each comparison.
COMPARED = {
    "cifar": (
        ("frozen", "unfrozen", "recalibrate", "group"),
        {"image_size": 128, "epochs": 4, "max_minutes": None},
    ),
    "photos": (("frozen",), {"max_minutes": 15.0}),
    "policies": (
        ("frozen", "unfrozen", "recalibrate", "group"),
        {"max_minutes": 2.0},
    ),
}
# Of each class of CIFAR-10; each seed learns from a tenth of the training images.
TRAIN, VALIDATION = 500, 50


def grid(scale: str, data: StudyData, seed: int) -> list[Cell]:
    """Return the cells of a seed."""
    policies, changes = COMPARED[scale]
    common = Settings(
        data=data.folder(TRAIN, VALIDATION),
        seed=seed,
        examine=False,
        preflight=False,
    ).replace(**cats_dogs.APP.presets["pretrained"] | changes)
    if scale == "cifar":
        common = common.replace(fraction=0.1, patience=100)
    return [
        Cell(
            {"comparison": scale, "norm_policy": policy},
            common.replace(norm_policy=policy),
            data.name,
        )
        for policy in policies
    ]


def sentences(rows: list[Row]) -> list[str]:
    """Say what each policy brings against the frozen head of the same training."""
    said = []
    for (policy,), own in grouped(rows, ("norm_policy",)).items():
        for name, column in (("last epoch", "last"), ("worst epoch", "worst")):
            gains = [row[f"{column}_accuracy"] - row["head_accuracy"] for row in own]
            mean, low, high = (100 * value for value in interval(gains))
            said.append(
                f"{policy}: {name} against the frozen head {mean:+.1f} points (95% "
                f"interval {low:+.1f} to {high:+.1f}, n = {len(own)} seeds)."
            )
    return said


STUDY = Study(
    name="fine_tuning",
    title="Fine-tuning against a frozen head, by what batch norms do meanwhile.",
    scales=dict.fromkeys(COMPARED, (0, 1, 2)),
    grid=grid,
    lines="norm_policy",
    x="comparison",
    sentences=sentences,
    figure="last_accuracy",
)

if __name__ == "__main__":
    words = sys.argv[1:]
    if words and words[0] in COMPARED:
        words = ["--scale", *words, "--results", "docs/fine_tuning/results.csv"]
    sys.exit(main(STUDY, words))
