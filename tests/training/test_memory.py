import pytest

from kerasnorm.training import Settings
from kerasnorm.training.devices import out_of_memory


class OutOfMemoryError(RuntimeError):
    """Named as PyTorch names it."""


def from_another(error):
    try:
        raise RuntimeError("training failed") from error
    except RuntimeError as outer:
        return outer


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        OutOfMemoryError("CUDA"),
        RuntimeError("RESOURCE_EXHAUSTED: Out of memory allocating 17 bytes"),
        RuntimeError("[enforce fail] DefaultCPUAllocator: out of memory"),
        from_another(MemoryError()),
    ],
)
def test_every_backend_says_it_in_its_own_words(error):
    assert out_of_memory.is_out_of_memory(error)


@pytest.mark.parametrize("error", [ValueError("shape"), from_another(KeyError("a"))])
def test_other_errors_are_other_errors(error):
    assert not out_of_memory.is_out_of_memory(error)


@pytest.mark.parametrize(
    ("size", "advice"), [(48, "try --batch-size 24"), (1, "try --image-size 40")]
)
def test_the_advice_names_what_was_tried_and_what_to_try(size, advice):
    words = out_of_memory.advice(Settings(batch_size=size, image_size=80))
    assert f"--batch-size {size} at --image-size 80" in words
    assert advice in words
