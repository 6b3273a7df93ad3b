"""Replaces the calls of layers for a while."""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import keras


@contextlib.contextmanager
def patched_calls(
    calls: Mapping[keras.layers.Layer, Callable[..., Any]],
) -> Iterator[None]:
    """Let functions run in the place of the `call` of layers, for a while.

    Only eager calls of the model see the change: graphs that Keras has compiled
    before keep the old calls.

    Args:
        calls: For each layer a function of `(original_call, *args, **kwargs)`.

    Yields:
        Nothing; the layers are as before afterwards.
    """
    # Someone may already stand in; then that one comes back.
    before = {layer: vars(layer).get("call") for layer in calls}
    try:
        for layer, function in calls.items():
            layer.call = _bind(function, layer.call)
        yield
    finally:
        for layer, call in before.items():
            vars(layer).pop("call", None)
            if call is not None:
                layer.call = call


def _bind(function, original):
    def call(*args, **kwargs):
        return function(original, *args, **kwargs)

    return call
