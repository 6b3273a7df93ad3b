"""One training of the field zoo: what decides it, and a hash of that."""

import hashlib
import json
from dataclasses import asdict, dataclass

#: Counted up where code of the zoo changes what a recipe means.
VERSION = 2


@dataclass(frozen=True)
class SetUp:
    """One training.

    Args:
        name: Name of the set-up; a healthy twin ends in `_twin`.
        causes: What was planted; measured effects decide which of it is material.
        network: One of `networks.NETWORKS`.
        source: `"photos"`, `"cifar_pair"`, `"cifar_hard"` or `"cifar_four"`.
        train: Training images.
        validation: Validation images.
        epochs: Epochs of training.
        batch: Batch size.
        momentum: Momentum of batch norms, None for the network's own.
        rate: Learning rate.
        optimizer: One of `training.OPTIMIZERS`.
        head: `"sigmoid"`, `"softmax"` or `"logits"`.
        smoothing: Label smoothing in the loss, 0 to 1.
        augmented: Whether training images are flipped and shifted.
        inside: Whether the network itself rescales 0..255 and flips.
        prepared: Preparation the network is trained with.
        given: Preparation of the training images given to the doctor, if another.
        validated: Preparation of the validation images, if another.
        flips: Fraction of training labels that are exchanged.
        flips_of_validation: The same of validation labels.
        ordered: Whether batches come sorted by class.
        choosing: Whether thresholds were chosen with this set-up in sight.
    """

    name: str
    causes: tuple[str, ...]
    network: str = "small_batch"
    source: str = "photos"
    train: int = 2000
    validation: int = 1000
    epochs: int = 6
    batch: int = 32
    momentum: float | None = 0.9
    rate: float = 1e-3
    optimizer: str = "Adam"
    head: str = "sigmoid"
    smoothing: float = 0.0
    augmented: bool = False
    inside: bool = False
    prepared: str = "0..1"
    given: str | None = None
    validated: str | None = None
    flips: float = 0.0
    flips_of_validation: float = 0.0
    ordered: bool = False
    choosing: bool = False

    @property
    def cooled(self) -> bool:
        """Whether the rate falls to zero (cosine).

        At a constant rate moving statistics trail the weights to the end.
        """
        return "stale_statistics" not in self.causes

    @property
    def fitted_with(self) -> str:
        """Preparation of the validation images while the network is trained.

        Where both splits are given to the doctor wrongly, training itself was right.
        """
        return self.prepared if self.given else self.validated or self.prepared

    @property
    def recipe(self) -> str:
        """Hash of all that decides a row of the tables."""
        return _hash({**self._decisive(), "causes": self.causes})

    @property
    def training_recipe(self) -> str:
        """Hash of all that decides the trained network and its history."""
        decisive = self._decisive()
        for name in ("given", "validated"):
            del decisive[name]
        return _hash(
            {**decisive, "cooled": self.cooled, "fitted_with": self.fitted_with}
        )

    def _decisive(self) -> dict:
        fields = asdict(self)
        for name in ("name", "causes", "choosing"):
            del fields[name]
        return fields | {"version": VERSION}


def _hash(values: dict) -> str:
    text = json.dumps(values, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:8]
