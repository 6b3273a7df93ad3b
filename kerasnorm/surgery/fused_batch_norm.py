"""Lets the batch norms of a model compute faster."""

import keras

from kerasnorm.inspection import layer_tree


def use_fused_batch_norm(model: keras.Model) -> int:
    """Let Keras' batch norms train by TensorFlow's fused kernel, which is faster.

    On a processor, Keras' layer spends a large part of a training step of a small
    network in a dozen passes over its tensor; the fused kernel needs far fewer.
    Only how they compute is changed, in this process: the layers, their
    weights, their results up to rounding, and files of the model stay what they are.
    Call it before the first training step. `python -m benchmarks.batch_norm` measures
    the gain.

    Left alone are variants (synchronized, renormalized, subclasses), frozen layers,
    layers with channels in front, and everything on other backends and on GPUs, where
    Keras lets XLA fuse the passes.

    Args:
        model: Any built Keras model with float32 or bfloat16 computation. It is changed
            in place.

    Returns:
        How many batch norms compute by the fused kernel now, wherever it can.

    Example:
        >>> model = keras.applications.ResNet50(weights=None, classes=2)
        >>> use_fused_batch_norm(model)
        53
    """
    if keras.config.backend() != "tensorflow":
        return 0
    import tensorflow as tf

    from kerasnorm.layers.norms.batch_norm_tf import FusedCall

    if tf.config.list_physical_devices("GPU"):
        return 0
    count = 0
    for _, layer in layer_tree.iter_layers(model):
        # A subclass may have a `call` of its own.
        if type(layer) is not keras.layers.BatchNormalization:
            continue
        if layer.synchronized or layer.renorm:
            continue
        if not isinstance(vars(layer).get("call"), FusedCall):
            layer.call = FusedCall(layer, layer.call)
        count += 1
    return count
