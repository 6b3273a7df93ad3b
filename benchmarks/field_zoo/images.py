"""Images of the field zoo: photos from a folder, CIFAR-10 from one file."""

import functools
import io
import pathlib

import keras
import numpy as np

CIFAR_PAIRS = {"cifar_pair": ("automobile", "truck"), "cifar_hard": ("cat", "dog")}
CIFAR_FOUR = ("airplane", "automobile", "frog", "horse")


@functools.lru_cache(maxsize=4)
def _photos(folder: str, part: str, side: int) -> tuple[np.ndarray, np.ndarray]:
    dataset = keras.utils.image_dataset_from_directory(
        pathlib.Path(folder, part),
        image_size=(side, side),
        batch_size=None,
        shuffle=False,
        verbose=False,
    )
    pairs = [(np.asarray(x, "uint8"), int(y)) for x, y in dataset]
    return np.stack([x for x, _ in pairs]), np.array([y for _, y in pairs])


@functools.lru_cache(maxsize=4)
def _cifar(path: str, part: str, names: tuple) -> tuple[np.ndarray, np.ndarray]:
    from PIL import Image

    with np.load(path) as file:
        blob, edges = file[f"{part}_jpeg"], file[f"{part}_offsets"]
        labels, all_names = file[f"{part}_labels"], list(file["class_names"])
    wanted = [all_names.index(name) for name in names]
    chosen = np.flatnonzero(np.isin(labels, wanted))
    images = [
        np.asarray(Image.open(io.BytesIO(blob[edges[i] : edges[i + 1]].tobytes())))
        for i in chosen
    ]
    return np.stack(images), np.array([wanted.index(label) for label in labels[chosen]])


class Sources:
    """Where the images lie.

    Args:
        photos: Folder with `train/` and `validation/`, a folder in each for each class.
        cifar: The file `cifar10_jpeg.npz`.
    """

    def __init__(self, photos: str, cifar: str) -> None:
        self.photos, self.cifar = photos, cifar

    def load(self, source: str, part: str, count: int, seed: int):
        """Return `count` uint8 images, as many of each class, and their classes."""
        if source.startswith("photos"):
            folder = "train" if part == "train" else "validation"
            x, y = _photos(self.photos, folder, 64)
        else:
            names = CIFAR_PAIRS.get(source, CIFAR_FOUR)
            x, y = _cifar(self.cifar, "train" if part == "train" else "test", names)
        generator = np.random.default_rng((seed, part == "train"))
        classes = np.unique(y)
        chosen = np.concatenate(
            [
                generator.permutation(np.flatnonzero(y == c))[: count // len(classes)]
                for c in classes
            ]
        )
        chosen = generator.permutation(chosen)
        return x[chosen], y[chosen]


PREPARATIONS = {
    "0..255": lambda x: x.astype("float32"),
    "0..1": lambda x: x.astype("float32") / 255,
    "-1..1": lambda x: x.astype("float32") / 127.5 - 1,
    "bgr 0..1": lambda x: x[..., ::-1].astype("float32") / 255,
    "caffe": lambda x: (
        x[..., ::-1].astype("float32")
        - np.array([103.939, 116.779, 123.68], dtype="float32")
    ),
}


def augment(x: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Flip half of the images and shift each by up to an eighth of its side."""
    side = x.shape[1]
    pad = side // 8
    padded = np.pad(x, [(0, 0), (pad, pad), (pad, pad), (0, 0)], mode="reflect")
    out = np.empty_like(x)
    for i in range(len(x)):
        top, left = generator.integers(0, 2 * pad + 1, 2)
        image = padded[i, top : top + side, left : left + side]
        out[i] = image[:, ::-1] if generator.random() < 0.5 else image
    return out
