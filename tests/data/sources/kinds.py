"""The same images as every kind of source: folders, shards, tables."""

import csv
import io
import json
import os
import pathlib
import struct
import tarfile

from kerasnorm.data.items.checksum import masked_crc32c
from tests.data.conftest import save_image

CLASSES = ("ant", "bee", "cat")


def make_folder(folder: pathlib.Path, counts=(4, 5, 6), side=20, parts=()) -> str:
    """Write class folders, below folders of parts if any are named."""
    for seed, part in enumerate(parts or ("",)):
        for name, count in zip(CLASSES, counts, strict=True):
            for number in range(count):
                suffix = ("jpg", "png")[number % 2]
                save_image(
                    folder / part / name / f"{name}.{number}.{suffix}",
                    side + number,
                    side,
                    seed=1000 * seed + 10 * number + len(name) + ord(name[0]),
                )
    return str(folder)


def files_of(folder) -> list[tuple[str, str, str, bytes]]:
    """Return part, class, name and content of every file, shuffled among classes."""
    found = []
    for path in sorted(pathlib.Path(folder).rglob("*.*")):
        *part, label, _ = path.relative_to(folder).parts
        name = path.relative_to(folder).as_posix()
        found.append(("".join(part), label, name, path.read_bytes()))
    return sorted(found, key=lambda row: (row[0], row[2].rpartition(".")[0][::-1]))


def fractions(rows, count=2):
    """Yield the name of each shard, without its ending, and its rows."""
    for part in sorted({row[0] for row in rows}):
        its = [row for row in rows if row[0] == part]
        size = -(-len(its) // count)
        for number in range(count):
            prefix = f"{part}-" if part else "images-"
            yield f"{prefix}{number:05d}", its[number * size : (number + 1) * size]


def add(tar, name, content):
    member = tarfile.TarInfo(name)
    member.size = len(content)
    tar.addfile(member, io.BytesIO(content))


def make_tar(folder, target: pathlib.Path, labels="json") -> str:
    """Write WebDataset shards whose labels are said by json, cls or folders."""
    target.mkdir(parents=True)
    for shard, rows in fractions(files_of(folder)):
        with tarfile.open(target / f"{shard}.tar", "w") as tar:
            for number, (_, label, name, content) in enumerate(rows):
                stem, ending = os.path.splitext(name)
                if labels != "folder":
                    stem = f"{shard}_{number:04d}"
                add(tar, stem + ending, content)
                if labels == "json":
                    add(tar, stem + ".json", json.dumps({"label": label}).encode())
                if labels == "cls":
                    add(tar, stem + ".cls", f"{label}\n".encode())
    return f"shards:{target}/*.tar"


def varint(number: int) -> bytes:
    found = bytearray()
    while number > 127:
        found.append(number & 127 | 128)
        number >>= 7
    return bytes([*found, number])


def field(number: int, content: bytes) -> bytes:
    return bytes([number << 3 | 2]) + varint(len(content)) + content


def example(features: dict) -> bytes:
    """Return a tf.train.Example of bytes and integers."""
    entries = b""
    for key, value in features.items():
        if isinstance(value, int):
            feature = field(3, field(1, varint(value % 2**64)))
        else:
            feature = field(1, field(1, value))
        entries += field(1, field(1, key.encode()) + field(2, feature))
    return field(1, entries)


def record(content: bytes) -> bytes:
    length = struct.pack("<Q", len(content))
    checks = (struct.pack("<I", masked_crc32c(part)) for part in (length, content))
    head, tail = checks
    return length + head + content + tail


def make_tfrecord(folder, target: pathlib.Path) -> str:
    """Write TFRecord shards in the form of ImageNet's."""
    target.mkdir(parents=True)
    for shard, rows in fractions(files_of(folder)):
        (target / f"{shard}-of-00002.tfrecord").write_bytes(
            b"".join(
                record(
                    example(
                        {
                            "image/format": b"JPEG",
                            "image/encoded": content,
                            "image/class/label": CLASSES.index(label) + 1,
                            "image/class/text": label.encode(),
                        }
                    )
                )
                for _, label, _, content in rows
            )
        )
    return f"shards:{target}"


def make_table(folder, target: pathlib.Path, **dialect) -> str:
    """Write a table of the files, with parts if there are any."""
    target.mkdir(parents=True, exist_ok=True)
    rows = files_of(folder)
    has_parts = any(part for part, *_ in rows)
    file = target / "files.csv"
    with file.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, **dialect)
        writer.writerow(["path", "label", *["part"] * has_parts])
        for part, label, name, _ in rows:
            path = os.path.relpath(os.path.join(folder, name), target)
            writer.writerow([path, label, *[part] * has_parts])
    return str(file)


#: What makes a source of a folder in another folder.
MAKERS = {
    "folder": lambda folder, target: str(folder),
    "tar_json": make_tar,
    "tar_cls": lambda folder, target: make_tar(folder, target, "cls"),
    "tar_folder": lambda folder, target: make_tar(folder, target, "folder"),
    "tfrecord": make_tfrecord,
    "table": make_table,
}
