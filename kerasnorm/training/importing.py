"""Imports Keras and TensorFlow: without noise, and with the faster kernels."""

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator


def import_keras() -> None:
    """Import Keras and, where it is installed, TensorFlow, and print nothing.

    TensorFlow takes its oneDNN kernels by itself only on processors with AVX-512 VNNI
    or newer instructions. Convolutions train faster by them on older ones, too, so
    they are asked for unless `TF_ENABLE_ONEDNN_OPTS` says otherwise.

    TensorFlow's C++ part writes to file descriptor 2 before any Python setting can
    stop it, so the descriptor itself is turned aside while it loads. If the import
    fails, what was written is shown.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    with silenced_stderr():
        import keras  # noqa: F401

        with contextlib.suppress(ImportError):
            # Not on the JAX and torch backends alone; here the pipelines need it.
            import tensorflow as tf

            # The first call writes device messages that would come later otherwise.
            tf.config.list_physical_devices()


@contextlib.contextmanager
def silenced_stderr() -> Iterator[None]:
    """Send file descriptor 2 to a scratch file; show it if an error comes out."""
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
