"""Trains from wherever a run stands to its end, or to where it has to be left."""

import math
from typing import Any

import keras

from kerasnorm import callbacks
from kerasnorm.callbacks.finite_guard import FiniteGuard, NonFinite
from kerasnorm.callbacks.tensorboard_tf import TensorBoard
from kerasnorm.training import build
from kerasnorm.training.devices import distribution, multi_process_training
from kerasnorm.training.inputs import batches
from kerasnorm.training.loop import head_epoch, non_finite_step, progress, resume
from kerasnorm.training.loop.interruption import StopBetweenBatches, TrainingStopped
from kerasnorm.training.loop.recovery import Recovery
from kerasnorm.training.loop.run_context import RunContext
from kerasnorm.training.record.history import HistoryFile
from kerasnorm.training.report.results import TrainingResult

# Work that a killed program may lose at most; a checkpoint takes well under a second.
CHECKPOINT_SECONDS = 60.0
# Enough for the statistics of norms, and a fraction of an epoch.
RECALIBRATION_SAMPLES = 512


class NonFiniteTrainingError(RuntimeError):
    """Training has ended because of NaN or infinity; the model is the last good one.

    Args:
        sentence: Where it happened and what to do.
        outcome: How training went until then.
    """

    def __init__(self, sentence: str, outcome: TrainingResult) -> None:
        super().__init__(sentence)
        self.outcome = outcome


def fit(job: RunContext) -> TrainingResult:
    """Train, and return the history, why training stopped and how long it took.

    Args:
        job: What is trained; the model ends with its best weights.

    Raises:
        NonFiniteTrainingError: If the loss or weights became NaN or infinite for good.
    """
    recovery = Recovery()
    if head_epoch.is_wanted(job.settings):
        head_epoch.train(FitSession(job, recovery))
    while True:
        attempt = FitSession(job, recovery)
        try:
            return attempt.fit()
        except NonFinite as found:
            found = attempt.in_whole_epoch(found)
            # Training starts again from the checkpoint, with new callbacks.
            attempt = FitSession(job, recovery)
            start = attempt.restore()
            blame = non_finite_step.examine(job, found, start, recovery.skipped)
            if not recovery.react(job.settings.on_nan, blame.step):
                attempt.restore()
                raise NonFiniteTrainingError(
                    blame.sentence, attempt.end(blame.sentence)
                ) from None
            job.console.print(f"{blame.sentence}; going back to {start}")


class FitSession:
    """One call of Keras' `fit`, from the newest checkpoint on.

    Args:
        job: What is trained.
        recovery: What has been changed because of bad numbers.
    """

    def __init__(self, job: RunContext, recovery: Recovery) -> None:
        settings = job.settings
        self.job = job
        self.recovery = recovery
        self.stopping = callbacks.EarlyStopping(patience=settings.patience)
        self.limit = callbacks.TimeLimit(settings.max_minutes or math.inf)
        self.history = HistoryFile(job.directory)
        self.guard = FiniteGuard()
        self.guard.set_model(job.model)
        self.checkpoint = callbacks.Checkpoint(
            job.directory.checkpoint,
            [self.stopping, self.limit, self.history, recovery],
            # Several processes have several clocks; they save after every epoch.
            CHECKPOINT_SECONDS if multi_process_training.count() == 1 else math.inf,
            self.guard.check_weights,
        )
        self.validation = multi_process_training.own_rows(
            distribution.share_evenly(
                batches.validation_batches(settings, job.data),
                distribution.replicas_of(job.model),
            )
        )
        self.start = callbacks.TrainingPosition(0, 0)

    def restore(self) -> callbacks.TrainingPosition:
        """Put the model and all callbacks where the newest checkpoint stands."""
        sample = next(iter(self.validation))
        self.start = self.checkpoint.restore(self.job.model, sample)
        if self.recovery.rate_factor < 1:
            slower = self.recovery.slowed(self.job.settings)
            self.job.model.optimizer.learning_rate = float(slower.learning_rate)
        return self.start

    def fit(self) -> TrainingResult:
        """Train to the end, or to where it has to be left."""
        job = self.job
        self.restore()
        resume.say_position(job.console, job.settings, self.checkpoint)
        if job.settings.resume:
            # Only now is it certain that the run continues.
            resume.reopen(job.directory, job.settings)
            job.directory.write_split(job.data.split)
        is_over = self.is_over
        kept = self.callbacks()
        first = self.start.epoch * job.steps_per_epoch + self.start.batch
        last = min(job.settings.epochs, job.hooks.until_epoch or job.settings.epochs)
        try:
            job.signals.defer_signals = True
            job.model.fit(
                multi_process_training.own_rows(
                    job.batches(first, self.recovery.skipped, self.time_share)
                ),
                initial_epoch=self.start.epoch,
                epochs=self.start.epoch if is_over else last,
                # The order is the pipeline's; Keras would warn that it cannot shuffle.
                shuffle=False,
                steps_per_epoch=job.steps_per_epoch,
                validation_data=self.validation,
                callbacks=kept,
                verbose=0,
            )
        except TrainingStopped as left:
            end_all(kept)
            return self.end(f"{left.reason} in {left.position}")
        except BaseException:
            end_all(kept)
            raise
        finally:
            job.signals.defer_signals = False
        if self.job.settings.frozen and head_epoch.is_wanted(self.job.settings):
            return self.end("only the classifier was to train")
        return self.end(
            self.limit.stopped_because
            or job.hooks.stopped_because
            or str(self.stopping.stopped_because)
        )

    @property
    def is_over(self) -> bool:
        """Whether there is nothing left to train."""
        settings = self.job.settings
        has_head = head_epoch.is_wanted(settings) and self.start.epoch > 0
        return (
            self.stopping.is_over
            or self.limit.is_over
            or (has_head and settings.frozen)
        )

    def callbacks(self) -> list[keras.callbacks.Callback]:
        """Return the callbacks in their order, which matters."""
        job = self.job
        return [
            self.guard,
            callbacks.Throughput(job.settings.batch_size),
            *self.pacing(),
            callbacks.LearningRateLog(),
            self.stopping,
            self.limit,
            self.history,
            TensorBoard(job.directory.tensorboard, settings=job.settings.to_dict()),
            *self.recalibration(),
            *job.hooks.callbacks,
            self.checkpoint,
            progress.ProgressLines(
                job.console, job.settings.epochs, job.steps_per_epoch
            ),
            StopBetweenBatches(self.checkpoint, [self._signal, self._overrun]),
        ]

    def recalibration(self) -> list[keras.callbacks.Callback]:
        """Return what measures the norms of weights anew, if they are to be."""
        settings = self.job.settings
        is_wanted = settings.weights is not None and not settings.frozen
        if settings.norm_policy != "recalibrate" or not is_wanted or self.is_over:
            return []
        trained = batches.training_batches(settings, self.job.data)
        return [callbacks.RecalibrateBatchNorm(trained, RECALIBRATION_SAMPLES)]

    def pacing(self) -> list[keras.callbacks.Callback]:
        """Return what moves the learning rate, if anything does."""
        settings = self.recovery.slowed(self.job.settings)
        return build.build_pacing(settings, self.job.steps_per_epoch, self.time_share)

    def time_share(self) -> float:
        """Return the fraction of the allowed time that has passed."""
        # The clock is not deterministic.
        settings = self.job.settings
        if settings.deterministic or settings.max_minutes is None:
            return 0.0
        if not head_epoch.is_wanted(settings):
            return self.limit.share
        rows = self.history.rows
        return head_epoch.fraction_after(self.limit.share, rows, settings.max_minutes)

    def end(self, reason: str) -> TrainingResult:
        """Return how training went.

        Args:
            reason: Why it ended.
        """
        return TrainingResult(self.history.rows, reason, self.limit.spent_seconds)

    def in_whole_epoch(self, found: NonFinite) -> NonFinite:
        """Count the batch from the beginning of its epoch, resumed or not.

        Args:
            found: As `fit` counts.
        """
        before = self.start.batch if found.epoch == self.start.epoch else 0
        return NonFinite(found.where, found.epoch, found.batch + before)

    def _signal(self) -> str | None:
        # All processes leave together, whichever of them was told to.
        number = multi_process_training.agree(self.job.signals.received or 0)
        if not number:
            return None
        self.job.signals.received = number
        return "a signal arrived"

    def _overrun(self) -> str | None:
        if not self.limit.is_overrun:
            return None
        return f"the time limit of {self.limit.minutes:g} minutes was reached"


def end_all(kept: list[Any]) -> None:
    """Let callbacks close their files and bring the best weights back.

    Args:
        kept: Callbacks of a `fit` that was left by an error.
    """
    for callback in kept:
        callback.on_train_end()
