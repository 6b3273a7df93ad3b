"""The samples of an examination by split."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace

from kerasnorm.doctor.sampling.samples import Samples


@dataclass(frozen=True)
class Splits:
    """Samples of each split, None where there are none.

    Args:
        train: Training samples.
        validation: Validation samples.
        train_unaugmented: Training samples as validation prepares them.
        validation_as_train: Validation samples as training prepares them, without
            anything random.
    """

    train: Samples
    validation: Samples | None = None
    train_unaugmented: Samples | None = None
    validation_as_train: Samples | None = None

    @property
    def plainest_train(self) -> Samples:
        """Training samples, without augmentation where there are such."""
        return self.train_unaugmented or self.train

    def items(self) -> Iterator[tuple[str, Samples]]:
        """Yield the name and the samples of every split that is there."""
        for field in fields(self):
            samples = getattr(self, field.name)
            if samples is not None:
                yield field.name, samples

    def map(self, change: Callable[[str, Samples], Samples]) -> "Splits":
        """Return the splits after a change of each that is there.

        Args:
            change: Function of the name and the samples of a split.
        """
        return replace(self, **{name: change(name, s) for name, s in self.items()})
