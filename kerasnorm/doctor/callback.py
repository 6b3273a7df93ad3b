"""A callback that examines the model while it trains."""

import dataclasses
import inspect
import logging
from collections.abc import Callable, Iterable
from typing import Any

from kerasnorm.callbacks.held_data import HeldData
from kerasnorm.callbacks.order import Ordered, Place
from kerasnorm.doctor.diagnose import rank
from kerasnorm.doctor.epochs import find_validation_spikes
from kerasnorm.doctor.examination import Examination
from kerasnorm.doctor.examine import examine
from kerasnorm.doctor.forward.accepted_models import check_model

LOGGER = logging.getLogger(__name__)
Source = Iterable | Callable[[], Iterable]


class DoctorCallback(HeldData, Ordered):
    """Examine the model every few epochs and keep the gap budget.

    Use it where validation loss behaves oddly in the middle of a training. The model
    is after each examination as before, so that the training continues as without it.
    From the third examination on, a validation loss that leaps up and down even with
    exact statistics is a finding of its own.

    Args:
        train: Training batches, or a function that returns them again for every
            examination (needed for generators).
        validation: Validation batches likewise.
        every: Epochs from one examination to the next, at least 1.
        log_dir: TensorBoard folder for the budget and the loss matrix, None for none.
            Needs TensorFlow.
        **options: Arguments of `examine`, such as `seconds` and `samples`.

    Attributes:
        examinations: Epoch (from 0) to `Examination`.

    Raises:
        TypeError: If `examine` takes no argument of such a name.
        ValueError: If `every` is below 1.

    Example:
        >>> doctor = DoctorCallback(train, validation, every=5, seconds=20)
        >>> model.fit(train, validation_data=validation, callbacks=[doctor])
        >>> doctor.examinations[4].verdict
    """

    DATA = ("train", "validation")
    # Behind what swaps averaged weights into the model: validation judges these.
    PLACE = Place.READS_LOGS

    def __init__(
        self,
        train: Source,
        validation: Source | None = None,
        every: int = 1,
        log_dir: str | None = None,
        **options: Any,
    ) -> None:
        super().__init__()
        if every < 1:
            raise ValueError(f"expected `every` to be 1 or more, received {every!r}")
        # Now, and not in the midst of a training.
        inspect.signature(examine).bind(None, train, validation, **options)
        self.train, self.validation = train, validation
        self.every, self.log_dir, self.options = every, log_dir, options
        self.examinations: dict[int, Examination] = {}

    def on_train_begin(self, logs: dict | None = None) -> None:
        """Refuse a model that cannot be examined, before any time is spent on it."""
        check_model(self.model)

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Examine at the end of every `every`-th epoch."""
        if (epoch + 1) % self.every:
            return
        examination = examine(
            self.model,
            _fresh(self.train),
            _fresh(self.validation),
            **{"thorough": False, **self.options},
        )
        spikes = find_validation_spikes({**self.examinations, epoch: examination})
        if spikes is not None:
            findings = sorted((*examination.findings, spikes), key=rank)
            examination = dataclasses.replace(examination, findings=tuple(findings))
        self.examinations[epoch] = examination
        LOGGER.info("epoch %d: %s", epoch + 1, examination.verdict)
        if self.log_dir is not None:
            from kerasnorm.doctor.report.tensorboard_tf import write_examination

            write_examination(self.log_dir, examination.to_dict(), epoch)


def _fresh(source: Any) -> Any:
    is_function = callable(source) and not hasattr(source, "__iter__")
    return source() if is_function else source
