"""Reads checkpoint files of PyTorch without PyTorch, and without running anything.

Such a file is a pickle, which may name any function of Python for its reader to call.
This one knows tensors, their storages and ordered dicts, and refuses all else.
"""

import io
import math
import os
import pathlib
import pickle
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Literal, NoReturn

import numpy as np

# The first of the pickles that the format before the archives begins with.
LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
LEGACY_VERSION = 1001
# Two bytes of a bfloat16 are the upper half of a float32.
BFLOAT16 = np.dtype("u2")
STORAGES = {
    "DoubleStorage": np.dtype("f8"),
    "FloatStorage": np.dtype("f4"),
    "HalfStorage": np.dtype("f2"),
    "BFloat16Storage": BFLOAT16,
    "LongStorage": np.dtype("i8"),
    "IntStorage": np.dtype("i4"),
    "ShortStorage": np.dtype("i2"),
    "CharStorage": np.dtype("i1"),
    "ByteStorage": np.dtype("u1"),
    "BoolStorage": np.dtype("?"),
}
# What a damaged pickle or archive lets Python raise.
DAMAGE = (
    pickle.UnpicklingError,
    zipfile.BadZipFile,
    NotImplementedError,
    AttributeError,
    EOFError,
    LookupError,
    MemoryError,
    OverflowError,
    RecursionError,
    TypeError,
    ValueError,
)


class TorchFileError(ValueError):
    """A file is no checkpoint of PyTorch, damaged, or holds more than tensors."""


def read_torch_file(path: str | os.PathLike) -> Any:
    """Return what a file holds that `torch.save` wrote, tensors as NumPy arrays.

    Nothing in the file can run: what is neither a tensor nor a container or plain
    value is refused. bfloat16 becomes float32.

    Args:
        path: The file, of PyTorch's archive format or the one before.

    Returns:
        Usually a dict of arrays by name.

    Raises:
        TorchFileError: If it is no such file, damaged, or holds anything else.
        OSError: If it cannot be read.

    Example:
        >>> read_torch_file("efficientnet-lite0.pth")["_fc.bias"].shape
        (1000,)
    """
    with pathlib.Path(path).open("rb") as stream:
        try:
            if zipfile.is_zipfile(stream):
                with zipfile.ZipFile(stream) as archive:
                    return _read_archive(archive)
            stream.seek(0)
            return _read_legacy(stream)
        except TorchFileError as error:
            raise TorchFileError(f"{error} Received: {os.fspath(path)!r}.") from None
        except DAMAGE as error:
            raise TorchFileError(
                "Expected a checkpoint that `torch.save` wrote, whole and undamaged. "
                f"Received: {os.fspath(path)!r}, which ends or breaks off: "
                f"{type(error).__name__}."
            ) from None


class _Dict(OrderedDict):
    """An ordered dict that drops the attributes which modules of PyTorch add."""

    def __setstate__(self, state: Any) -> None:
        """Take no state."""


class _Storage:
    """The numbers of one or more tensors, which may come later in the file."""

    def __init__(self, dtype: np.dtype, key: str, length: int) -> None:
        self.dtype = dtype
        self.key = key
        self.length = length
        self.numbers: np.ndarray | None = None

    def fill(self, content: bytes, order: Literal["<", ">"]) -> None:
        """Take the bytes of the storage.

        Args:
            content: As many as it needs.
            order: "<" for little-endian, ">" for big-endian.
        """
        if self.length * self.dtype.itemsize != len(content):
            raise EOFError
        self.numbers = np.frombuffer(content, self.dtype.newbyteorder(order))


class _Tensor:
    """A view of a storage."""

    def __init__(self, storage: Any, offset: int, shape: Any, strides: Any) -> None:
        reach = 1 + sum((n - 1) * step for n, step in zip(shape, strides, strict=True))
        whole = [offset, *shape, *strides]
        if not isinstance(storage, _Storage) or min(whole, default=0) < 0:
            raise ValueError
        # Strides of 0 would let one number stand for any amount of memory.
        if math.prod(shape) and max(offset + reach, math.prod(shape)) > storage.length:
            raise EOFError
        self.storage, self.offset = storage, offset
        self.shape, self.strides = tuple(shape), tuple(strides)

    def to_numpy(self) -> np.ndarray:
        """Return an array of its own."""
        numbers = self.storage.numbers
        if numbers is None:
            raise EOFError
        size = numbers.dtype.itemsize
        view = np.lib.stride_tricks.as_strided(
            numbers[self.offset :],
            self.shape,
            [step * size for step in self.strides],
            writeable=False,
        )
        own = view.astype(self.storage.dtype)
        if self.storage.dtype is not BFLOAT16:
            return own
        return (own.astype("u4") << 16).view("f4")


class _Known:
    """Stands in for a function of PyTorch that a file may name."""

    __slots__ = ("call",)

    def __init__(self, call: Callable[..., Any]) -> None:
        self.call = call

    def __call__(self, *args: Any) -> Any:
        """Do what it stands for."""
        return self.call(*args)

    def __setstate__(self, state: Any) -> NoReturn:
        """Refuse to be changed by a file."""
        raise TypeError


class _Unpickler(pickle.Unpickler):
    def __init__(self, stream: Any, storages: dict[str, _Storage]) -> None:
        super().__init__(stream, encoding="utf-8")
        self.storages = storages

    def find_class(self, module: str, name: str) -> Any:
        """Return what stands for a name of the file, if it is one of the few."""
        if module == "torch" and name in STORAGES:
            return STORAGES[name]
        known = {
            ("collections", "OrderedDict"): _Dict,
            ("torch._utils", "_rebuild_tensor_v2"): _Known(_rebuild),
            ("torch._utils", "_rebuild_parameter"): _Known(lambda data, *_: data),
        }
        if (module, name) in known:
            return known[module, name]
        raise TorchFileError(
            "Expected a checkpoint of tensors, ordered dicts and plain values only, "
            f"but the file asks for {module}.{name}, which is not run: save "
            "`model.state_dict()` instead."
        )

    def persistent_load(self, pid: Any) -> _Storage:
        """Return the storage of a tensor."""
        kind, dtype, key, _, length, *view = pid
        if kind != "storage" or not isinstance(dtype, np.dtype) or any(view):
            raise ValueError
        if not isinstance(length, int) or length < 0:
            raise ValueError
        new = _Storage(dtype, str(key), length)
        known = self.storages.setdefault(new.key, new)
        if (known.dtype, known.length) != (new.dtype, new.length):
            raise ValueError
        return known


def _rebuild(storage: Any, offset: int, shape: Any, strides: Any, *_: Any) -> _Tensor:
    return _Tensor(storage, offset, shape, strides)


def _read_archive(archive: zipfile.ZipFile) -> Any:
    pickles = [name for name in archive.namelist() if name.endswith("/data.pkl")]
    if len(pickles) != 1:
        raise KeyError
    folder = pickles[0].removesuffix("data.pkl")
    storages: dict[str, _Storage] = {}
    found = _Unpickler(io.BytesIO(_stored(archive, pickles[0])), storages).load()
    order: Literal["<", ">"] = "<"
    if f"{folder}byteorder" in archive.namelist():
        order = ">" if _stored(archive, f"{folder}byteorder") == b"big" else "<"
    for key, storage in storages.items():
        storage.fill(_stored(archive, f"{folder}data/{key}"), order)
    return _with_arrays(found)


def _stored(archive: zipfile.ZipFile, name: str) -> bytes:
    # PyTorch never packs: what is packed might unpack to any size.
    if archive.getinfo(name).compress_type != zipfile.ZIP_STORED:
        raise ValueError
    return archive.read(name)


def _read_legacy(stream: Any) -> Any:
    storages: dict[str, _Storage] = {}
    magic, version, system, found, keys = (
        _Unpickler(stream, storages).load() for _ in range(5)
    )
    if magic != LEGACY_MAGIC or version != LEGACY_VERSION:
        raise ValueError
    order: Literal["<", ">"] = "<" if system.get("little_endian", True) else ">"
    for key in keys:
        storage = storages[key]
        length = int.from_bytes(
            stream.read(8), "little" if order == "<" else "big", signed=True
        )
        if length != storage.length:
            raise EOFError
        storage.fill(stream.read(length * storage.dtype.itemsize), order)
    return _with_arrays(found)


def _with_arrays(value: Any) -> Any:
    """Return the same containers with arrays in the place of tensors."""
    if isinstance(value, _Tensor):
        return value.to_numpy()
    if isinstance(value, dict):
        return {key: _with_arrays(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set):
        return type(value)(_with_arrays(item) for item in value)
    return value
