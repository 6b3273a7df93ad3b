"""Imports Keras and TensorFlow: without noise, plain, and with the faster kernels."""

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator
from typing import Any

from kerasnorm.training.settings.errors import UsageError
from kerasnorm.training.system import streams
from kerasnorm.training.system.backend import choose_backend

# What Keras reads from keras.json and from environment variables, and what it is
# without them. Only the backend remains a choice of the environment.
PLAIN: dict[str, Any] = {
    "floatx": "float32",
    "epsilon": 1e-7,
    "image_data_format": "channels_last",
    "dtype_policy": "float32",
    "max_epochs": None,
    "max_steps_per_epoch": None,
}


def import_keras(backend: str | None = None) -> None:
    """Import Keras and, where it is installed, TensorFlow, and print nothing.

    TensorFlow takes its oneDNN kernels by itself only on processors with AVX-512 VNNI
    or newer instructions. Convolutions train faster by them on older ones, too, so
    they are asked for unless `TF_ENABLE_ONEDNN_OPTS` says otherwise.

    TensorFlow's C++ part writes to file descriptor 2 before any Python setting can
    stop it, so the descriptor itself is turned aside while it loads. If the import
    fails, what was written is shown.

    From then on Keras computes as it does without a keras.json and without its
    environment variables, the backend left aside.

    Args:
        backend: What Keras computes with; None leaves the choice to
            `KERAS_BACKEND` and keras.json.

    Raises:
        UsageError: If Keras cannot be imported as keras.json and the variables wish,
            or with this backend.
    """
    choose_backend(backend)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    with silenced_stderr():
        _import_configured()
        with contextlib.suppress(ImportError):
            # Not on the JAX and torch backends alone; here the pipelines need it.
            import tensorflow as tf

            # The first call writes device messages that would come later otherwise.
            tf.config.list_physical_devices()
    _configure(PLAIN)


def _import_configured() -> None:
    try:
        import keras
    except Exception as error:
        problem = " ".join(str(error).split()) or type(error).__name__
        raise UsageError(
            f"expected Keras to accept its keras.json and the variables KERAS_..., but "
            f"{problem}; correct or remove them"
        ) from error
    if keras.config.is_nnx_enabled():
        raise UsageError(
            "expected Keras without NNX, but keras.json or KERAS_NNX_ENABLED switches "
            "it on; switch it off"
        )


@contextlib.contextmanager
def plain_keras() -> Iterator[None]:
    """Have Keras compute as it does without any configuration, and put that back."""
    import keras

    before = {name: getattr(keras.config, name)() for name in PLAIN}
    _configure(PLAIN)
    try:
        yield
    finally:
        _configure(before)


def _configure(values: dict[str, Any]) -> None:
    import keras

    for name, value in values.items():
        getattr(keras.config, f"set_{name}")(value)


@contextlib.contextmanager
def silenced_stderr() -> Iterator[None]:
    """Send file descriptor 2 to a scratch file; show it if an error comes out."""
    streams.reopen_closed()
    sys.stderr.flush()
    saved = os.dup(2)
    with tempfile.TemporaryFile() as aside:
        os.dup2(aside.fileno(), 2)
        try:
            yield
        except BaseException:
            sys.stderr.flush()
            os.dup2(saved, 2)
            aside.seek(0)
            os.write(2, aside.read())
            raise
        finally:
            sys.stderr.flush()
            os.dup2(saved, 2)
            os.close(saved)
