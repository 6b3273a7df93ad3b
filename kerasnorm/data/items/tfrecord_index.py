"""TFRecord shards: where in each record the image lies, and its label."""

import dataclasses
import mmap
from collections.abc import Iterator

from kerasnorm.data.items.checksum import masked_crc32c
from kerasnorm.data.items.shard_table import Found

# A record: its length, the checksum of that, its bytes, the checksum of those.
LENGTH_BYTES, CHECK_BYTES = 8, 4
HEAD_BYTES = LENGTH_BYTES + CHECK_BYTES
# Fields of tf.train.Example, Features, their map, Feature and its lists.
FEATURES = FEATURE = KEY = VALUES = 1
MAP_VALUE, INTEGERS = 2, 3
# Kinds of fields: a number, 8 bytes, bytes of a length, 4 bytes.
NUMBER, LONG, BYTES, SHORT = 0, 1, 2, 5
ENDINGS = ((b"\x89PNG", ".png"), (b"\xff\xd8", ".jpg"), (b"GIF8", ".gif"))


@dataclasses.dataclass(frozen=True)
class Keys:
    """What the features of an example are called; the first that is there counts.

    Args:
        image: Of the encoded image.
        label: Of the label, a word or a number.
    """

    image: tuple[str, ...] = ("image/encoded", "image")
    label: tuple[str, ...] = ("image/class/text", "image/class/label", "label")


class _Damaged(ValueError):
    """The bytes are no example."""


def read_tfrecord(
    path: str, rejected: list[tuple[str, str]], keys: Keys
) -> Iterator[Found]:
    """Pass through the records of a file once and yield their images.

    Images themselves are not read: of the mapped file only the pages with the framing
    and the labels are touched.

    Args:
        path: The file.
        rejected: What cannot be used is added, with the reason; "" for the shard.
        keys: Names of the features.

    Yields:
        Images in the order of the file, called by the number of the record.
    """
    try:
        with (
            open(path, "rb") as file,
            mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as view,
        ):
            place = number = 0
            while place < len(view):
                problem = _problem(view, place)
                if problem:
                    rejected.append(("", f"{problem} after {number:,} records"))
                    return
                length = int.from_bytes(view[place : place + LENGTH_BYTES], "little")
                start = place + HEAD_BYTES
                try:
                    yield _found(view, start, start + length, number, keys)
                except _Damaged as error:
                    rejected.append((f"{number:07d}", str(error)))
                place = start + length + CHECK_BYTES
                number += 1
    except OSError as error:
        rejected.append(("", error.strerror or str(error)))
    except ValueError:
        # What is empty cannot be mapped.
        rejected.append(("", "the file is empty"))


def _problem(view: mmap.mmap, place: int) -> str:
    head = view[place : place + HEAD_BYTES]
    if len(head) < HEAD_BYTES:
        return "truncated: the shard ends"
    length, check = head[:LENGTH_BYTES], head[LENGTH_BYTES:]
    if masked_crc32c(length) != int.from_bytes(check, "little"):
        what = "damaged" if place else "not a TFRecord file, or a compressed one,"
        return f"{what}: the checksum of a length does not fit"
    end = place + HEAD_BYTES + int.from_bytes(length, "little") + CHECK_BYTES
    return "truncated: the shard ends" if end > len(view) else ""


def _found(view: mmap.mmap, start: int, stop: int, number: int, keys: Keys) -> Found:
    features = _features(view, start, stop)
    image = next((features[key] for key in keys.image if key in features), None)
    if image is None:
        raise _Damaged(f"no feature {' or '.join(keys.image)}")
    offset, end = _bytes_in(view, *image)
    label = ""
    for key in keys.label:
        if not label and key in features:
            label = _label(view, *features[key])
    if not label:
        raise _Damaged(f"no label: no feature {' or '.join(keys.label)}")
    head = view[offset : offset + 4]
    ending = next((e for begin, e in ENDINGS if head.startswith(begin)), ".jpg")
    return Found(
        f"{number:07d}{ending}",
        offset,
        end - offset,
        label,
        (start, stop - start + CHECK_BYTES),
    )


def _features(view: mmap.mmap, start: int, stop: int) -> dict[str, tuple[int, int]]:
    """Return where each feature of an example lies."""
    found = {}
    for field, features in _fields(view, start, stop):
        if field != FEATURES or isinstance(features, int):
            continue
        for _, entry in _fields(view, *features):
            if isinstance(entry, int):
                raise _Damaged("the record is no tf.train.Example")
            pair = dict(_fields(view, *entry))
            key, value = pair.get(KEY), pair.get(MAP_VALUE)
            if isinstance(key, tuple) and isinstance(value, tuple):
                name = view[slice(*key)].decode("utf-8", "replace")
                found[name] = value
    return found


def _bytes_in(view: mmap.mmap, start: int, stop: int) -> tuple[int, int]:
    """Return where the one value of a feature of bytes lies."""
    for field, values in _fields(view, start, stop):
        if field == FEATURE and not isinstance(values, int):
            for _, value in _fields(view, *values):
                if not isinstance(value, int):
                    return value
    raise _Damaged("the image is not given as bytes")


def _label(view: mmap.mmap, start: int, stop: int) -> str:
    for field, values in _fields(view, start, stop):
        if isinstance(values, int):
            continue
        if field == FEATURE:
            text = view[slice(*_bytes_in(view, start, stop))]
            return text.decode("utf-8", "surrogateescape").strip()
        if field == INTEGERS:
            for _, value in _fields(view, *values):
                # One alone, or packed with others.
                number = value if isinstance(value, int) else _number(view, *value)[0]
                return str(number - (1 << 64) if number >> 63 else number)
    return ""


def _fields(
    view: mmap.mmap, start: int, stop: int
) -> Iterator[tuple[int, int | tuple[int, int]]]:
    """Yield the fields of a message: numbers, or where their bytes lie."""
    place = start
    while place < stop:
        tag, place = _number(view, place, stop)
        kind, field = tag & 7, tag >> 3
        if kind == NUMBER:
            value, place = _number(view, place, stop)
            yield field, value
            continue
        length = {LONG: 8, SHORT: 4}.get(kind, 0)
        if kind == BYTES:
            length, place = _number(view, place, stop)
        elif not length:
            raise _Damaged("the record is no tf.train.Example")
        if place + length > stop:
            raise _Damaged("the record is no tf.train.Example")
        yield field, (place, place + length)
        place += length


def _number(view: mmap.mmap, place: int, stop: int) -> tuple[int, int]:
    """Return a number of seven bits a byte, and where it ends."""
    value = shift = 0
    while place < stop and shift < 70:
        byte = view[place]
        value |= (byte & 0x7F) << shift
        place, shift = place + 1, shift + 7
        if byte < 0x80:
            return value, place
    raise _Damaged("the record is no tf.train.Example")
