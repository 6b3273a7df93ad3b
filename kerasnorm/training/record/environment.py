"""What a run ran on: versions, devices, commit, seed, depth of gray values."""

import dataclasses
import datetime
import importlib.metadata
import json
import os
import pathlib
import platform
import shlex
import subprocess
import sys
from typing import Any

from kerasnorm.data.sources.index import ImageIndex

FILE = "environment.json"
PACKAGES = (
    "kerasnorm",
    "keras",
    "tensorflow",
    "jax",
    "torch",
    "keras-tuner",
    "tensorboard",
    "tensorflow-datasets",
    "numpy",
    "scipy",
    "pillow",
)


def describe(seed: int, command: str | None = None) -> dict[str, Any]:
    """Return what is needed to repeat a run elsewhere, as plain values.

    Args:
        seed: The run's seed.
        command: What was typed; the words that this process was started with if None.
    """
    import keras

    return {
        "started": datetime.datetime.now().astimezone().isoformat(timespec="seconds"),
        "command": command or shlex.join(sys.orig_argv),
        "seed": seed,
        "backend": keras.config.backend(),
        "dtype_policy": keras.config.dtype_policy().name,
        "devices": _devices(keras.config.backend()),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0))
        if hasattr(os, "sched_getaffinity")
        else os.cpu_count(),
        "git_commit": _git_commit(),
        "versions": _versions(),
    }


def with_depth_of(run: str | os.PathLike[str], index: ImageIndex) -> ImageIndex:
    """Return files whose gray values become as bright as those a run began with.

    Args:
        run: The run directory.
        index: The files.
    """
    file = pathlib.Path(run) / FILE
    began = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    return dataclasses.replace(index, gray_bits=began.get("gray_bits"))


def notes_on_depth(index: ImageIndex) -> list[str]:
    """Say how deep gray values are taken to be, where the files do not say it.

    Args:
        index: The files.
    """
    if index.gray_bits is None:
        return []
    return [
        f"gray values of more than 8 bits, of which the files do not say the number, "
        f"are read as {index.gray_bits} bits"
    ]


def _versions() -> dict[str, str]:
    found = {}
    for name in PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def _devices(backend: str) -> list[str]:
    if backend == "tensorflow":
        import tensorflow as tf

        gpus = tf.config.list_physical_devices("GPU")
        return [
            tf.config.experimental.get_device_details(gpu).get("device_name", gpu.name)
            for gpu in gpus
        ] or ["CPU"]
    if backend == "jax":
        import jax

        return [device.device_kind for device in jax.devices()]
    import torch

    count = torch.cuda.device_count()
    return [torch.cuda.get_device_name(index) for index in range(count)] or ["CPU"]


def _processor() -> str:
    info = pathlib.Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _git_commit() -> str | None:
    try:
        found = subprocess.run(
            ["git", "rev-parse", "HEAD"],
            capture_output=True,
            text=True,
            timeout=5,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return found.stdout.strip()
