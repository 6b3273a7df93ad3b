"""Data sets of tensorflow-datasets as class folders of the files they hold."""

import os
import pathlib
import re
import shutil
import socket
import tempfile
import urllib.parse
import urllib.request
import zipfile
from collections.abc import Callable
from typing import Any

from kerasnorm.data.cache import cache_directory
from kerasnorm.data.errors import DataError

# Its builder leaves out every file without "JFIF" near its beginning, good images
# among them, and re-encodes the rest. From the archive itself nothing is lost.
CATS_VS_DOGS = "kagglecatsanddogs_5340.zip"
EVALUATED = ("validation", "test")


def export_dataset(
    name: str, data_dir: str | os.PathLike | None = None
) -> pathlib.Path:
    """Write the image files of a tensorflow-datasets data set into class folders.

    The files are written once, into the user's cache directory, byte for byte as the
    data set stores them; from there on they are read like any other folder.

    Args:
        name: "NAME" or "NAME:SPLIT", as in "cats_vs_dogs" or "cifar10:test". Without
            a split, "train", "validation" and "test" become parts, where the data set
            has the first and one of the others; splits without labels are left out.
        data_dir: Where tensorflow-datasets keeps its data; default: its own.

    Returns:
        Folder with class folders, or with `train/` and `validation/` or `test/`.

    Raises:
        DataError: There is no such data set or split, it is not one of classified
            images, or it is neither prepared nor to be had from the network.
    """
    name, _, split = name.partition(":")
    builder = builder_of(name, data_dir)
    image, label = image_and_label(builder)
    if is_archived(builder, split):
        archive = manual_directory(builder) / CATS_VS_DOGS
        return written_once(
            f"cats_vs_dogs-{archive.stat().st_size}",
            lambda target: unpack_pets(archive, target),
        )
    prepare(builder)
    splits = wanted_splits(builder, split)

    def write(target: pathlib.Path) -> None:
        for side, wanted in splits.items():
            if write_files(builder, wanted, image, label, target / side):
                continue
            if side not in EVALUATED:
                raise DataError(
                    f"Expected images with labels in split {wanted!r} of {name!r}, "
                    "but there are none. Choose another split or data set."
                )
            shutil.rmtree(target / side)

    return written_once(f"{builder.info.full_name}-{split or 'parts'}", write)


def is_archived(builder: Any, split: str) -> bool:
    """Say whether a data set is to be unpacked from its archive."""
    archive = manual_directory(builder) / CATS_VS_DOGS
    is_whole = builder.name == "cats_vs_dogs" and split in ("", "train")
    return is_whole and archive.exists()


def wanted_splits(builder: Any, split: str) -> dict[str, str]:
    """Map parts to splits, or "" to the one that was asked for; or raise DataError."""
    splits = {"": split} if split else sides(builder)
    for wanted in splits.values():
        # Slices such as train[:10%] and sums are for tensorflow-datasets to judge.
        for part in wanted.split("+"):
            if part.split("[")[0] not in builder.info.splits:
                raise DataError(
                    f"Expected a split of {builder.name!r}, one of "
                    f"{', '.join(sorted(builder.info.splits))}. Received: {part!r}."
                )
    return splits


def written_once(name: str, write: Callable[[pathlib.Path], None]) -> pathlib.Path:
    """Return a folder of the cache, written if it is not there yet."""
    target = cache_directory("tfds") / re.sub(r"[^\w.-]+", "_", name).strip("-")
    if not target.exists():
        # Renamed when complete, so that a killed export leaves no half data set.
        partial = pathlib.Path(tempfile.mkdtemp(dir=target.parent))
        try:
            write(partial)
            os.replace(partial, target)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
    return target


def builder_of(name: str, data_dir: str | os.PathLike | None) -> Any:
    """Return the builder of a data set, or raise DataError."""
    import tensorflow_datasets as tfds

    try:
        return tfds.builder(name, data_dir=data_dir)
    except tfds.core.registered.DatasetNotFoundError:
        raise DataError(
            f"Expected a data set that tensorflow-datasets knows. Received: {name!r}. "
            "Check the name in its catalogue."
        ) from None


def prepare(builder: Any) -> None:
    """Have the data set downloaded and prepared, unless it is; or raise DataError."""
    manual = manual_directory(builder)
    if not os.path.exists(builder.data_dir):
        missing = [
            url
            for url in builder.url_infos or ()
            if not (manual / os.path.basename(urllib.parse.urlparse(url).path)).exists()
        ]
        # Asked first: tensorflow-datasets itself would try again for minutes.
        if missing and not is_reachable(missing[0]):
            raise DataError(
                f"Expected data set {builder.name!r} to be prepared or a network to "
                "fetch it from, but it is not prepared and there is no network. "
                f"Connect to it, or put {os.path.basename(missing[0])} into {manual}."
            )
    try:
        builder.download_and_prepare()
    except Exception as error:
        raise DataError(
            f"Expected to prepare data set {builder.name!r}, but it could not be done "
            f"({type(error).__name__}: {str(error).splitlines()[0][:200]}). Connect to "
            f"the network, or put its files into {manual}."
        ) from error


def is_reachable(url: str) -> bool:
    """Say whether the host of an address can be found, or a proxy will look for it."""
    if urllib.request.getproxies():
        return True
    try:
        socket.getaddrinfo(urllib.parse.urlparse(url).hostname, None)
    except OSError:
        return False
    return True


def manual_directory(builder: Any) -> pathlib.Path:
    """Return the folder in which tensorflow-datasets looks for files put by hand."""
    depth = len(builder.info.full_name.split("/"))
    root = pathlib.Path(builder.data_dir).parents[depth - 1]
    return root / "downloads" / "manual"


def unpack_pets(archive: pathlib.Path, target: pathlib.Path) -> None:
    """Write the images of the cats-and-dogs archive into two class folders."""
    with zipfile.ZipFile(archive) as files:
        for member in files.infolist():
            parts = pathlib.PurePosixPath(member.filename).parts
            if member.is_dir() or len(parts) < 2 or parts[-2] not in ("Cat", "Dog"):
                continue
            folder = target / parts[-2].lower()
            folder.mkdir(exist_ok=True)
            with files.open(member) as source, open(folder / parts[-1], "wb") as file:
                shutil.copyfileobj(source, file)


def image_and_label(builder: Any) -> tuple[str, str]:
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
                f"Expected a data set with one {kind}, but {builder.name!r} has "
                f"{', '.join(keys) or 'none'}. Choose an image-classification one."
            )
    return kinds["image"][0], kinds["class label"][0]


def sides(builder: Any) -> dict[str, str]:
    """Map parts to the splits of those names that a data set brings, or "" to all."""
    parts = [part for part in ("train", *EVALUATED) if part in builder.info.splits]
    if parts[:1] == ["train"] and len(parts) > 1:
        return {part: part for part in parts}
    return {"": "+".join(builder.info.splits)}


def write_files(
    builder: Any, split: str, image: str, label: str, directory: pathlib.Path
) -> int:
    """Write the encoded images of one split into class folders; return how many."""
    import tensorflow_datasets as tfds

    names = [
        # A class may be called "tabby/cat", or even "..".
        re.sub(r'^\.|[/\\:*?"<>|]', "_", name)
        for name in builder.info.features[label].names
    ]
    for name in names:
        (directory / name).mkdir(parents=True, exist_ok=True)
    examples = tfds.as_numpy(
        builder.as_dataset(
            split=split,
            decoders={image: tfds.decode.SkipDecoding()},
            shuffle_files=False,
        )
    )
    written = 0
    for number, example in enumerate(examples):
        # The label of images whose labels are kept for a competition.
        if example[label] < 0:
            continue
        content = example[image]
        suffix = ".png" if content.startswith(b"\x89PNG") else ".jpg"
        folder = directory / names[int(example[label])]
        (folder / f"{number:07d}{suffix}").write_bytes(content)
        written += 1
    return written
