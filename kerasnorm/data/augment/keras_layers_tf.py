"""Keras' own augmentation layers on top of training batches, repeatably."""

from collections.abc import Sequence

import keras
import tensorflow as tf

from kerasnorm.data.pipelines.parallel_tf import map_in_parallel


def with_keras_layers(
    batches: tf.data.Dataset,
    layers: Sequence[keras.Layer],
    seed: int = 0,
    *,
    first_step: int = 0,
) -> tf.data.Dataset:
    """Send batches through augmentation layers such as `keras.layers.RandAugment`.

    For what this library does not do itself: RandAugment, AugMix, RandomErasing and
    the like. Keras' layers draw from counters of their own; here every counter is set
    again before each batch, so batch number s is a pure function of the arguments and
    s, and a resumed run continues exactly. The layers run in one thread, in order.

    Args:
        batches: From `training_batches`, beginning at `first_step`.
        layers: Layers that take `{"images", "labels"}`, images from 0 to 255.
        seed: Decides their draws; a seed given to a layer itself is not used.
        first_step: Number of the first batch.

    Returns:
        Dataset of the same structure.

    Raises:
        RuntimeError: Keras does not run on TensorFlow, where alone its counters can
            be set from within a dataset.

    Example:
        >>> layers = [keras.layers.RandAugment((0, 255))]
        >>> batches = with_keras_layers(training_batches(images, 32), layers)
    """
    if keras.config.backend() != "tensorflow":
        raise RuntimeError(
            "Expected the TensorFlow backend, which Keras' augmentation layers need to "
            f"be repeatable. Received: {keras.config.backend()}. Use "
            "`training_batches` alone, whose "
            "mixup and cutmix work on every backend."
        )
    counters = [
        variable
        for layer in layers
        for variable in layer.variables
        if variable.path.endswith("seed_generator_state")
    ]

    def vary(step, batch):
        images, labels, *weights = batch
        setting = []
        for number, counter in enumerate(counters):
            state = tf.random.experimental.stateless_fold_in((seed, number), step)
            setting.append(counter.value.assign(tf.cast(state, counter.dtype)))
        with tf.control_dependencies(setting):
            data = {"images": images, "labels": labels}
            for layer in layers:
                data = layer(data, training=True)
        images = tf.ensure_shape(tf.cast(data["images"], tf.float32), images.shape)
        return images, tf.ensure_shape(data["labels"], labels.shape), *weights

    # Not in parallel: two batches would overwrite each other's counters.
    return map_in_parallel(batches.enumerate(first_step), vary, threads=1)
