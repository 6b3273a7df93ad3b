"""The cells of the loss matrix, and the parts into which they split the gap."""

import enum


class Cell(enum.StrEnum):
    """Which samples a loss is of, and the statistics that norms used for it.

    Values are the letters by which saved files and the legends of reports name cells.
    """

    TRAIN_BATCH_STATISTICS = "A"
    TRAIN_SHUFFLED = "As"
    TRAIN_BATCH_64 = "A64"
    TRAIN_MOVING = "B"
    TRAIN_RECALIBRATED = "B'"
    TRAIN_LAYERS_ACTIVE = "Bon"
    VALIDATION_MOVING = "D"
    VALIDATION_RECALIBRATED = "D'"
    VALIDATION_OWN_STATISTICS = "D''"
    VALIDATION_UNAUGMENTED = "Dplain"
    VALIDATION_MAPPED = "Dmap"

    @property
    def split_name(self) -> str:
        """The split of its samples: `"train"` or `"validation"`."""
        return self.name.partition("_")[0].lower()

    @property
    def in_batch_mode(self) -> bool:
        """Whether norms used the statistics of each batch."""
        return self in IN_BATCH_MODE


IN_BATCH_MODE = frozenset(
    {Cell.TRAIN_BATCH_STATISTICS, Cell.TRAIN_SHUFFLED, Cell.TRAIN_BATCH_64}
)

#: The cells of every matrix in the order of reports, each with what it is.
CELLS: dict[Cell, str] = {
    Cell.TRAIN_BATCH_STATISTICS: "training batches, batch statistics",
    Cell.TRAIN_SHUFFLED: "training samples shuffled into new batches, batch statistics",
    Cell.TRAIN_BATCH_64: "training samples in batches of 64, batch statistics",
    Cell.TRAIN_MOVING: "training samples, moving statistics",
    Cell.TRAIN_RECALIBRATED: "training samples, statistics re-estimated on training "
    "inputs",
    Cell.VALIDATION_MOVING: "validation samples, moving statistics: the validation "
    "loss as seen",
    Cell.VALIDATION_RECALIBRATED: "validation samples, statistics re-estimated on "
    "training inputs",
    Cell.VALIDATION_OWN_STATISTICS: "validation samples, statistics re-estimated on "
    "validation inputs",
}

#: The parts, from the loss that was optimized to the loss that is seen.
PARTS: dict[str, str] = {
    "batch_noise": "training batches normalized by themselves instead of by all (B'-A)",
    "generalization": "new samples instead of training samples (D''-B')",
    "input_shift": "statistics of training inputs on validation inputs (D'-D'')",
    "stale_statistics": "moving statistics instead of exact ones (D-D')",
}
