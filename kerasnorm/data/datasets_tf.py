"""Data sets of tensorflow-datasets as class folders of the files they hold."""

import os
import pathlib
import re
import shutil
import tempfile

from kerasnorm.data.cache import cache_directory
from kerasnorm.data.errors import DataError


def export_dataset(name: str) -> pathlib.Path:
    """Write the image files of a tensorflow-datasets data set into class folders.

    The files are written once, into the user's cache directory, byte for byte as the
    data set stores them; from there on they are read like any other folder.

    Args:
        name: "NAME" or "NAME:SPLIT", as in "cats_vs_dogs" or "cifar10:test". Without
            a split, "train" becomes the training side and "validation" or "test" the
            validation side, where the data set has them.

    Returns:
        Folder with class folders, or with `train/` and `validation/`.

    Raises:
        DataError: There is no such data set or split, it is not one of classified
            images, or it is neither prepared nor to be had from the network.
    """
    name, _, split = name.partition(":")
    builder = prepared_builder(name)
    image, label = image_and_label(builder)
    splits = {"": split} if split else sides(builder)
    for wanted in splits.values():
        # Slices such as train[:10%] are for tensorflow-datasets to judge.
        if wanted.split("[")[0] not in builder.info.splits:
            raise DataError(
                f"Data set {name!r} has no split {wanted!r}. Choose one of "
                f"{', '.join(sorted(builder.info.splits))}."
            )
    folder = re.sub(
        r"[^\w.-]+", "_", builder.info.full_name + (f"-{split}" * bool(split))
    )
    target = cache_directory("tfds") / folder
    if not target.exists():
        # Renamed when complete, so that a killed export leaves no half data set.
        partial = pathlib.Path(tempfile.mkdtemp(dir=target.parent))
        try:
            for side, wanted in splits.items():
                write_files(builder, wanted, image, label, partial / side)
            os.replace(partial, target)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
    return target


def prepared_builder(name: str):
    """Return the builder with its data ready, or raise DataError."""
    import tensorflow_datasets as tfds

    try:
        builder = tfds.builder(name)
    except tfds.core.registered.DatasetNotFoundError:
        raise DataError(
            f"tensorflow-datasets knows no data set {name!r}. Check the name in its "
            "catalogue."
        ) from None
    try:
        builder.download_and_prepare()
    except Exception as error:
        raise DataError(
            f"Data set {name!r} is not prepared and could not be downloaded "
            f"({type(error).__name__}). Connect to the network, or put its archive "
            f"into {os.path.join(tfds_data_dir(builder), 'downloads', 'manual')}."
        ) from error
    return builder


def tfds_data_dir(builder) -> str:
    """Return the folder below which tensorflow-datasets keeps everything."""
    return str(getattr(builder, "_data_dir_root", "~/tensorflow_datasets"))


def image_and_label(builder) -> tuple[str, str]:
    """Return the keys of the one image and the one class label of a data set."""
    import tensorflow_datasets as tfds

    features = builder.info.features
    kinds = {
        kind: [key for key, feature in features.items() if isinstance(feature, cls)]
        for kind, cls in (
            ("image", tfds.features.Image),
            ("class label", tfds.features.ClassLabel),
        )
    }
    for kind, keys in kinds.items():
        if len(keys) != 1:
            raise DataError(
                f"Expected a data set with one {kind}, {builder.name!r} has "
                f"{', '.join(keys) or 'none'}. Choose an image-classification one."
            )
    return kinds["image"][0], kinds["class label"][0]


def sides(builder) -> dict[str, str]:
    """Map `train` and `validation` to the splits a data set brings, or "" to all."""
    for other in ("validation", "test"):
        if "train" in builder.info.splits and other in builder.info.splits:
            return {"train": "train", "validation": other}
    return {"": "+".join(builder.info.splits)}


def write_files(
    builder, split: str, image: str, label: str, directory: pathlib.Path
) -> None:
    """Write the encoded images of one split into class folders."""
    import tensorflow_datasets as tfds

    names = builder.info.features[label].names
    for name in names:
        (directory / name).mkdir(parents=True, exist_ok=True)
    examples = tfds.as_numpy(
        builder.as_dataset(
            split=split,
            decoders={image: tfds.decode.SkipDecoding()},
            shuffle_files=False,
        )
    )
    for number, example in enumerate(examples):
        content = example[image]
        suffix = ".png" if content.startswith(b"\x89PNG") else ".jpg"
        folder = directory / names[int(example[label])]
        (folder / f"{number:07d}{suffix}").write_bytes(content)
