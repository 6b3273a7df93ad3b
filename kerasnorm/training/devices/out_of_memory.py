"""Tells running out of memory from other errors, on every backend."""

from kerasnorm.training.settings import Settings

# TensorFlow, XLA, PyTorch and CUDA each have an exception of their own.
CLASSES = ("ResourceExhaustedError", "OutOfMemoryError", "MemoryError")
WORDS = ("RESOURCE_EXHAUSTED", "out of memory", "OOM when allocating")


class OutOfMemory(RuntimeError):
    """The device or the machine has no memory left; says what to try instead."""


def is_out_of_memory(error: BaseException) -> bool:
    """Say whether an error, or what caused it, is a lack of memory.

    Args:
        error: Any error.
    """
    names = {base.__name__ for base in type(error).__mro__}
    text = str(error)
    if names & set(CLASSES) or any(word in text for word in WORDS):
        return True
    return error.__cause__ is not None and is_out_of_memory(error.__cause__)


def advice(settings: Settings) -> str:
    """Return one sentence: what was tried and what to try.

    Args:
        settings: The settings that need too much.
    """
    tried = (
        f"--batch-size {settings.batch_size} at --image-size {settings.image_size} "
        "does not fit into memory"
    )
    if settings.batch_size > 1:
        return f"{tried}; try --batch-size {settings.batch_size // 2}"
    return f"{tried}; try --image-size {settings.image_size // 2} or a smaller --width"
