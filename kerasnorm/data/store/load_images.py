"""All images of an index, decoded once: in memory where they fit, else on disk."""

from collections.abc import Callable

from kerasnorm.data.images.decoded_images import DecodedImages
from kerasnorm.data.images.limits import MAX_PIXELS
from kerasnorm.data.sources.index import ImageIndex
from kerasnorm.data.store.open_images import Caching, open_images


def load_images(
    index: ImageIndex,
    image_size: tuple[int, int],
    *,
    memory_budget: int | None = None,
    workers: int | None = None,
    max_pixels: int = MAX_PIXELS,
    progress: Callable[[int, int], None] | None = None,
    cache: str = "auto",
) -> DecodedImages:
    """Decode every file of an index once, in parallel.

    Augmenting from decoded images is what makes every epoch after the first fast.

    Args:
        index: The files.
        image_size: Height and width in pixels.
        memory_budget: Bytes the images may take in memory with the cache "auto";
            default: a quarter of the free memory; 0 always uses the disk.
        workers: Number of decoding threads; default: one per processor.
        max_pixels: Larger images are rejected.
        progress: Called with the number of files done and of all files.
        cache: Where decoded images are kept. "auto": in the user's cache directory,
            where later calls find them, and in memory if the budget allows; a few
            hundred small images in memory alone. "memory" and "disk": there alone.
            "none": nowhere; they are decoded for each batch.

    Returns:
        The images in the order of the index, without the rejected files. Their
        `images` are an array, or are read like one.

    Raises:
        DataError: No file could be decoded, or one class lost all its files.
    """
    caching = Caching(cache, None, memory_budget, max_pixels, workers)
    images, _ = open_images({"all": index}, image_size, caching, progress)
    return images["all"]
