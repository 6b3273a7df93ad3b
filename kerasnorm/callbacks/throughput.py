"""Adds the seconds of an epoch and the images trained per second to the logs."""

import time
from collections.abc import MutableMapping

from kerasnorm.callbacks.order import Ordered, Place


class Throughput(Ordered):
    """Add `seconds` and `images_per_second` to the logs of every epoch.

    Keras' callbacks that read the logs run behind it and find the two values there;
    put your own behind it.

    `seconds` is the whole epoch, validation included, so that the epochs add up to
    the time of the run. `images_per_second` counts training alone: from the beginning
    of the epoch, the wait for the first batch included, to the end of the last
    training batch.

    Args:
        batch_size: Images in one training batch, 1 or more.
        images_per_epoch: Images in one pass over the training data, 1 or more; the
            last batch of a pass then counts for what it holds. Without it every batch
            counts as full.

    Raises:
        ValueError: If an argument is below 1.

    Example:
        >>> speed = Throughput(batch_size=32, images_per_epoch=2000)
        >>> history = model.fit(train, epochs=5, callbacks=[speed])
        >>> history.history["images_per_second"]
    """

    PLACE = Place.ADDS_LOGS
    # Each call below notes one time and needs no order, so Keras need not wait for
    # the device after every batch to make the calls one by one.
    async_safe = True

    def __init__(self, batch_size: int, images_per_epoch: int | None = None) -> None:
        super().__init__()
        for name, value in (
            ("batch_size", batch_size),
            ("images_per_epoch", images_per_epoch),
        ):
            if value is not None and value < 1:
                raise ValueError(
                    f"expected `{name}` 1 or more, received {value!r}; give the "
                    "number of images"
                )
        self.batch_size = batch_size
        self.images_per_epoch = images_per_epoch
        self._epoch_began = 0.0
        # Index of each batch and when it was done.
        self._batches: list[tuple[int, float]] = []

    def on_epoch_begin(
        self, epoch: int, logs: MutableMapping[str, float] | None = None
    ) -> None:
        """Start the clock."""
        self._batches = []
        self._epoch_began = time.perf_counter()

    def on_train_batch_end(
        self, batch: int, logs: MutableMapping[str, float] | None = None
    ) -> None:
        """Note when the batch was done; Keras has read its loss by now."""
        self._batches.append((batch, time.perf_counter()))

    def on_epoch_end(
        self, epoch: int, logs: MutableMapping[str, float] | None = None
    ) -> None:
        """Put both values into the logs."""
        if logs is None:
            return
        logs["seconds"] = time.perf_counter() - self._epoch_began
        if not self._batches:
            return
        last_batch, _ = max(self._batches)
        images = (last_batch + 1) * self.batch_size
        if self.images_per_epoch is not None:
            images = min(images, self.images_per_epoch)
        trained_until = max(when for _, when in self._batches)
        logs["images_per_second"] = images / (trained_until - self._epoch_began)
