"""Everything that was measured, in one record that the checks read."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from kerasnorm.doctor.cells import Cell
from kerasnorm.doctor.loss_matrix.budget import GapBudget, PairedDraws
from kerasnorm.doctor.loss_matrix.loss_scale import LossScale
from kerasnorm.doctor.loss_matrix.matrix import LossMatrix
from kerasnorm.doctor.loss_matrix.proportions import (
    Change,
    paired_change,
    unpaired_change,
)
from kerasnorm.doctor.loss_matrix.scores import Scores
from kerasnorm.doctor.probes.history import Curves
from kerasnorm.doctor.probes.images.drifts import Drift
from kerasnorm.doctor.probes.images.segments import Segment
from kerasnorm.doctor.probes.images.shortcuts import Shortcut
from kerasnorm.doctor.probes.inputs.expected_inputs import ExpectedInputs
from kerasnorm.doctor.probes.inputs.inputs import (
    InputMoments,
    MapTrial,
)
from kerasnorm.doctor.probes.inputs.split_separation import SplitSeparation
from kerasnorm.doctor.probes.inputs.weights_inputs import InputsOfWeights
from kerasnorm.doctor.probes.labels.labels import ClassPermutation, LabelOrder
from kerasnorm.doctor.probes.labels.noise_estimate import LabelNoiseEstimate
from kerasnorm.doctor.probes.leakage import Overlap
from kerasnorm.doctor.probes.moving_statistics import NormState
from kerasnorm.doctor.probes.near_duplicates.twins import Twins
from kerasnorm.doctor.probes.optimizer import OptimizerState
from kerasnorm.doctor.probes.precision import Precision
from kerasnorm.doctor.probes.rates.rate_trial import RateTrial
from kerasnorm.doctor.probes.structure import Structure

# Beyond this a loss is as good as infinite.
LARGEST_LOSS = 1e30


@dataclass(frozen=True)
class Measurements:
    """What the probes measured; a field is None where its probe could not run.

    Args:
        matrix: The loss matrix.
        draws: Its paired bootstrap draws.
        budget: The split of the gap, None without validation data.
        scale: What a loss of one means.
        prior_entropy: Loss of always predicting the class fractions, None for other
            tasks.
        batch_size: Samples in a training batch.
        last_size: Samples in the last training batch of the epoch.
        batches: Training batches in an epoch.
        structure: Wiring of the model.
        optimizer: State of the optimizer.
        norms: Moving statistics of each norm.
        dropout_shift: For each group of layers that act in training only, how much
            the loss of training samples rises where they act while the statistics are
            estimated, with interval: `(value, low, high)`.
        label_order: Order of the classes in training batches.
        train_inputs: Moments of training inputs.
        validation_inputs: Moments of validation inputs.
        expected: Inputs that the network expects, where they are others than those
            given: all else is then measured with them.
        weights_inputs: Inputs that frozen weights were trained on, where they are
            others than those given.
        maps: Trials of simple maps on validation inputs.
        separation: How well the splits can be told apart.
        permutation: Exchange of classes.
        overlap: Validation samples in the training data.
        twins: Validation images that are crops or edits of training images.
        label_noise: What reference models say of the labels.
        rate_trial: Short trainings at the learning rate and a fraction of it.
        precision: Float16 against float32.
        curves: What the history tells.
        train_unaugmented: How much statistics of training samples without
            augmentation lower the validation loss, with interval.
        validation_as_train: How much lower the loss is where validation samples are
            prepared as training samples, with interval.
        label_mismatch: What is wrong between labels, outputs and loss.
        weights_finite: Whether all trainable weights are finite numbers.
        scores: Outputs against hard labels in each cell, empty where labels are no
            classes.
        added_loss: What regularizers add to every loss that Keras reports.
        drifts: Properties of images that differ between the splits.
        shortcuts: Properties of images that predict the label.
        segments: Where validation errors sit.
        extra: Measurements of optional probes, by name.
    """

    matrix: LossMatrix
    draws: PairedDraws
    budget: GapBudget | None
    scale: LossScale
    prior_entropy: float | None
    batch_size: int
    last_size: int | None
    batches: int | None
    structure: Structure
    optimizer: OptimizerState
    norms: list[NormState] = field(default_factory=list)
    dropout_shift: Mapping[str, Any] = field(default_factory=dict)
    label_order: LabelOrder | None = None
    train_inputs: InputMoments | None = None
    validation_inputs: InputMoments | None = None
    expected: ExpectedInputs | None = None
    weights_inputs: InputsOfWeights | None = None
    maps: list[MapTrial] | None = None
    separation: SplitSeparation | None = None
    permutation: ClassPermutation | None = None
    overlap: Overlap | None = None
    twins: Twins | None = None
    label_noise: LabelNoiseEstimate | None = None
    rate_trial: RateTrial | None = None
    precision: Precision | None = None
    curves: Curves | None = None
    train_unaugmented: tuple[float, float, float] | None = None
    validation_as_train: tuple[float, float, float] | None = None
    label_mismatch: str | None = None
    weights_finite: bool = True
    scores: Mapping[Cell, Scores] = field(default_factory=dict)
    added_loss: float = 0.0
    drifts: tuple[Drift, ...] = ()
    shortcuts: tuple[Shortcut, ...] = ()
    segments: tuple[Segment, ...] = ()
    extra: Mapping[str, Any] = field(default_factory=dict)

    @property
    def loss_unit(self) -> float:
        """Loss that counts as one: thresholds are multiples of it."""
        return self.scale.loss_unit

    @property
    def guessing(self) -> float | None:
        """Loss of the best constant answer, as `matrix` counts it, None if unknown."""
        scale = self.scale
        if (
            scale.constant is not None
            or self.prior_entropy is None
            or scale.perfect is None
        ):
            return scale.constant
        return scale.perfect + self.loss_unit * self.prior_entropy

    def has(self, *cells: Cell) -> bool:
        """Return whether these cells were measured and are finite numbers."""
        losses = self.matrix.losses
        return all(
            cell in losses and bool(abs(self.matrix.mean(cell)) < LARGEST_LOSS)
            for cell in cells
        )

    def difference(self, first: Cell, second: Cell) -> tuple[float, float, float]:
        """Return a difference of cells and its 95% interval; zeros if unmeasured."""
        if not self.has(first, second):
            return 0.0, 0.0, 0.0
        return self.draws.difference(first, second)

    def accuracy_change(self, before: Cell, after: Cell) -> Change | None:
        """Return how the accuracy changes from one cell to another, with interval.

        Cells of the same split are compared sample by sample.
        """
        if before not in self.scores or after not in self.scores:
            return None
        first, second = self.scores[before].correct, self.scores[after].correct
        paired = Cell(before).split_name == Cell(after).split_name
        return (paired_change if paired else unpaired_change)(first, second)

    @property
    def repaired(self) -> tuple[Cell, Cell]:
        """Cells of training and validation with repaired statistics where measured."""
        train, validation = Cell.TRAIN_RECALIBRATED, Cell.VALIDATION_RECALIBRATED
        return (
            train if self.has(train) else Cell.TRAIN_MOVING,
            validation if self.has(validation) else Cell.VALIDATION_MOVING,
        )

    @property
    def same_statistics(self) -> tuple[Cell, Cell]:
        """Cells of training and validation under the same, best statistics."""
        if self.has(Cell.VALIDATION_RECALIBRATED):
            return Cell.TRAIN_RECALIBRATED, Cell.VALIDATION_RECALIBRATED
        return Cell.TRAIN_MOVING, Cell.VALIDATION_MOVING

    @property
    def has_learned_little(self) -> bool:
        """Whether the network knows little even of its training samples."""
        scores = self.scores.get(self.repaired[0])
        return scores is not None and scores.show_little
