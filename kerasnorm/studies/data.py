"""What `--data` of a study names, as folders of images that a training takes."""

import dataclasses
import os
import pathlib

import numpy as np

from kerasnorm.data.cache import cache_directory
from kerasnorm.data.drawn_pets.dataset import drawn_pets_directory
from kerasnorm.data.sources.source import open_source
from kerasnorm.training.settings.errors import UsageError

CIFAR10 = "cifar10:"


@dataclasses.dataclass(frozen=True)
class StudyData:
    """The data of a study.

    Args:
        given: `drawn`, `cifar10:FILE.npz`, or what else `--data` of a training takes.
    """

    given: str

    @property
    def name(self) -> str:
        """What the results call them, whatever folder they lie in."""
        if self.given.startswith(CIFAR10):
            return CIFAR10[:-1]
        return pathlib.Path(self.given).name or self.given

    def folder(self, train: int, validation: int, test: int = 0) -> str:
        """Return what a training takes as `--data`.

        Args:
            train: Images of each class to train on, of drawn images and CIFAR-10;
                other data are taken as they are.
            validation: Likewise to validate on.
            test: Likewise of CIFAR-10 for a last evaluation.
        """
        if self.given == "drawn":
            drawn = drawn_pets_directory(
                train_per_class=train, validation_per_class=validation
            )
            return str(drawn)
        if self.given.startswith(CIFAR10):
            return str(
                unpack_cifar10(
                    self.given.removeprefix(CIFAR10),
                    {"train": train, "validation": validation, "test": test},
                )
            )
        return self.given


def counts_of(data: str) -> tuple[int, int]:
    """Return the numbers of training and of validation images.

    Args:
        data: What a training takes as `--data`.
    """
    source = open_source(data)
    return len(source.train), len(source.validation)


def unpack_cifar10(file: str, counts: dict[str, int]) -> pathlib.Path:
    """Write images of CIFAR-10 into class folders, once.

    Validation images are the last of each class in the training part.

    Args:
        file: An archive `.npz` of JPEG files end to end: `train_jpeg` with
            `train_offsets` and `train_labels`, the same of `test`, and `class_names`.
        counts: Images of each class by part.

    Raises:
        UsageError: If there is no such file.
    """
    if not os.path.isfile(file):
        raise UsageError(
            f"expected {CIFAR10}FILE.npz with the JPEG images of CIFAR-10, received "
            f"{file!r}, which does not exist"
        )
    parent = cache_directory("cifar10")
    target = parent / "-".join(str(count) for count in counts.values())
    if target.is_dir():
        return target
    aside = parent / f"partial-{os.getpid()}"
    with np.load(file) as pack:
        names = [str(name) for name in pack["class_names"]]
        for part, count in counts.items():
            source = "test" if part == "test" else "train"
            blob, ends = pack[f"{source}_jpeg"], pack[f"{source}_offsets"]
            labels = pack[f"{source}_labels"]
            for label, name in enumerate(names):
                folder = aside / part / name
                folder.mkdir(parents=True)
                chosen = np.flatnonzero(labels == label)
                chosen = chosen[-count:] if part == "validation" else chosen[:count]
                for number in chosen.tolist():
                    image = blob[ends[number] : ends[number + 1]].tobytes()
                    (folder / f"{number:05}.jpg").write_bytes(image)
    aside.replace(target)
    return target
