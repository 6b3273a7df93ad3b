"""Images of the field zoo: photos from a folder, CIFAR-10 from one file."""

import functools
import io
import pathlib

import keras
import numpy as np

CIFAR_PAIRS = {"cifar_pair": ("automobile", "truck"), "cifar_hard": ("cat", "dog")}
#: Side of a photo in pixels: at this size a training takes a minute, not an hour.
PHOTO_SIDE = 48
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


class Cifar:
    """Some classes of CIFAR-10, decoded when they are chosen.

    Args:
        path: The file `cifar10_jpeg.npz`.
        part: `"train"` or `"test"`.
        names: Names of the classes.
    """

    def __init__(self, path: str, part: str, names: tuple[str, ...]) -> None:
        with np.load(path) as file:
            self.blob, self.edges = file[f"{part}_jpeg"], file[f"{part}_offsets"]
            labels, all_names = file[f"{part}_labels"], list(file["class_names"])
        wanted = [all_names.index(name) for name in names]
        self.numbers = np.flatnonzero(np.isin(labels, wanted))
        self.labels = np.array([wanted.index(i) for i in labels[self.numbers]])

    def decode(self, chosen: np.ndarray) -> np.ndarray:
        """Return uint8 images of (samples, 32, 32, 3)."""
        from PIL import Image

        edges = self.edges
        parts = [self.blob[edges[i] : edges[i + 1]] for i in self.numbers[chosen]]
        return np.stack([np.asarray(Image.open(io.BytesIO(part))) for part in parts])


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
        cifar = None
        if source == "photos":
            x, y = _photos(self.photos, part, PHOTO_SIDE)
        else:
            names = CIFAR_PAIRS.get(source, CIFAR_FOUR)
            cifar = Cifar(self.cifar, "train" if part == "train" else "test", names)
            y = cifar.labels
        generator = np.random.default_rng((seed, part == "train"))
        classes = np.unique(y)
        chosen = np.concatenate(
            [
                generator.permutation(np.flatnonzero(y == c))[: count // len(classes)]
                for c in classes
            ]
        )
        chosen = generator.permutation(chosen)
        return cifar.decode(chosen) if cifar else x[chosen], y[chosen]


PREPARATIONS = {
    "0..255": lambda x: x.astype("float32"),
    "0..1": lambda x: x.astype("float32") / 255,
    "-1..1": lambda x: x.astype("float32") / 127.5 - 1,
    "bgr 0..1": lambda x: x[..., ::-1].astype("float32") / 255,
    "x / 60 - 1": lambda x: x.astype("float32") / 60 - 1,
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
