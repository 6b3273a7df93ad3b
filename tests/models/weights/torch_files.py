"""Writes files as `torch.save` does, in both formats, without PyTorch."""

import contextlib
import io
import pickle
import sys
import types
import zipfile
from collections import OrderedDict

import numpy as np

from kerasnorm.models.weights import torch_file

STORAGES = {
    dtype: name
    for name, dtype in torch_file.STORAGES.items()
    if name != "BFloat16Storage"
}


class Tensor:
    """A view of an array: what PyTorch calls a tensor."""

    def __init__(self, base, offset=0, shape=None, strides=None, storage=None):
        self.base = np.ascontiguousarray(base).reshape(-1)
        self.offset = offset
        self.shape = np.shape(base) if shape is None else shape
        steps = [int(np.prod(self.shape[n + 1 :])) for n in range(len(self.shape))]
        self.strides = tuple(steps) if strides is None else strides
        self.storage = storage or STORAGES[self.base.dtype]

    def __reduce__(self):
        utils = sys.modules["torch._utils"]
        arguments = (Storage(self), self.offset, self.shape, self.strides)
        return utils._rebuild_tensor_v2, (*arguments, False, OrderedDict())


class Storage:
    def __init__(self, tensor):
        self.tensor = tensor


class Pickler(pickle.Pickler):
    def __init__(self, stream):
        super().__init__(stream, protocol=2)
        self.storages = {}

    def persistent_id(self, value):
        if not isinstance(value, Storage):
            return None
        base = value.tensor.base
        key = str(id(base))
        self.storages[key] = base
        kind = getattr(sys.modules["torch"], value.tensor.storage)
        return ("storage", kind, key, "cpu", base.size)


class Call:
    """What a hostile file holds: a function to call while it is read."""

    def __init__(self, function, *arguments):
        self.function, self.arguments = function, arguments

    def __reduce__(self):
        return self.function, self.arguments


@contextlib.contextmanager
def names_of_torch():
    """Let pickle find the names of PyTorch that files refer to."""
    torch, utils = types.ModuleType("torch"), types.ModuleType("torch._utils")
    for name in torch_file.STORAGES:
        setattr(torch, name, type(name, (), {"__module__": "torch"}))

    def _rebuild_tensor_v2(*_):
        raise AssertionError("only a name")

    _rebuild_tensor_v2.__module__ = "torch._utils"
    _rebuild_tensor_v2.__qualname__ = "_rebuild_tensor_v2"
    utils._rebuild_tensor_v2 = _rebuild_tensor_v2
    torch._utils = utils
    before = {name: sys.modules.get(name) for name in ("torch", "torch._utils")}
    sys.modules.update({"torch": torch, "torch._utils": utils})
    try:
        yield
    finally:
        for name, module in before.items():
            sys.modules.pop(name)
            if module is not None:
                sys.modules[name] = module


def _pickled(value):
    stream = io.BytesIO()
    with names_of_torch():
        pickler = Pickler(stream)
        pickler.dump(value)
    return stream.getvalue(), pickler.storages


def write_archive(file, value, compression=zipfile.ZIP_STORED):
    content, storages = _pickled(value)
    with zipfile.ZipFile(file, "w", compression) as archive:
        archive.writestr("drawn/data.pkl", content)
        archive.writestr("drawn/byteorder", sys.byteorder)
        for key, numbers in storages.items():
            archive.writestr(f"drawn/data/{key}", numbers.tobytes())
        archive.writestr("drawn/version", "3\n")


def write_legacy(file, value):
    content, storages = _pickled(value)
    with open(file, "wb") as stream:
        for head in (torch_file.LEGACY_MAGIC, torch_file.LEGACY_VERSION):
            pickle.dump(head, stream, protocol=2)
        system = {"protocol_version": 1001, "little_endian": sys.byteorder == "little"}
        pickle.dump(system, stream, protocol=2)
        stream.write(content)
        pickle.dump(list(storages), stream, protocol=2)
        for numbers in storages.values():
            stream.write(numbers.size.to_bytes(8, sys.byteorder, signed=True))
            stream.write(numbers.tobytes())


FORMATS = {"archive": write_archive, "legacy": write_legacy}
