"""Shards: what is left out and why, changes behind the back, patterns."""

import json
import pathlib
import tarfile

import numpy as np
import pytest

from kerasnorm.data.errors import DataError, ImageError
from kerasnorm.data.items.checksum import crc32c
from kerasnorm.data.sources.shard_files import expanded, in_full
from kerasnorm.data.sources.source import open_files
from tests.data.conftest import save_image
from tests.data.sources.kinds import (
    add,
    example,
    files_of,
    make_folder,
    make_tar,
    make_tfrecord,
    record,
)


@pytest.fixture(autouse=True)
def own_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    return make_folder(tmp_path_factory.mktemp("plain"))


@pytest.fixture
def image(tmp_path):
    return save_image(tmp_path / "one.jpg").read_bytes()


def write_tar(path, members):
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w") as tar:
        for name, content in members.items():
            add(tar, name, content)
    return f"shards:{path}"


def label(text) -> bytes:
    return json.dumps({"label": text}).encode()


def good(image):
    return {
        "a1.jpg": image,
        "a1.json": label("a"),
        "b1.jpg": image + b"1",
        "b1.cls": b"b",
    }


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ({"x.jpg": b"?"}, "no label: neither"),
        ({"x.jpg": b"?", "x.json": b"{"}, "x.json is not JSON"),
        ({"x.jpg": b"?", "x.json": b'{"other": 1}'}, "no label: neither"),
        ({"x.jpg": b"?", "x.json": b'{"label": true}'}, "is not a word or a number"),
        ({"x.jpg": b"?", "x.json": b'{"label": ["a"]}'}, "is not a word or a number"),
        ({"x.jpg": b"?", "x.cls": b" \n"}, "no label in x.cls"),
        ({"x.jpg": b"?", "x.left.jpg": b"?", "x.cls": b"a"}, "a further image of the"),
    ],
)
def test_members_that_cannot_train_are_listed(tmp_path, image, members, reason):
    spec = write_tar(tmp_path / "s" / "x.tar", good(image) | members)
    for _ in range(2):
        index = open_files(spec).parts["all"]
        assert set(index.names) >= {"a1.jpg", "b1.jpg"}
        (rejected,) = index.ignored
        assert rejected[0].startswith(str(tmp_path / "s" / "x.tar") + "/x")
        assert reason in rejected[1]


def test_labels_are_numbers_words_and_the_last_of_a_name(tmp_path, image):
    members = good(image) | {"c.jpg": image + b"2", "c.json": label(7), "._d.jpg": b"?"}
    spec = write_tar(tmp_path / "x.tar", members)
    with tarfile.open(tmp_path / "x.tar", "a") as tar:
        add(tar, "./a1.jpg", image + b"3")
    files = open_files(spec)
    index = files.parts["all"]
    assert files.class_names == ("7", "a", "b") and not index.ignored
    assert index.items.read(index.names.index("a1.jpg")) == image + b"3"


def test_long_and_foreign_names_are_read(tmp_path, image):
    long = "x" * 200
    members = {f"{c}/{long}-ä.{n}.JPG": image for c in "ab" for n in range(2)}
    for form in (tarfile.GNU_FORMAT, tarfile.PAX_FORMAT):
        path = tmp_path / f"{form}.tar"
        with tarfile.open(path, "w", format=form) as tar:
            for name, content in members.items():
                add(tar, f"./photos/{name}", content)
        files = open_files(f"shards:{path}")
        assert files.class_names == ("a", "b")
        assert list(files.parts["all"].names) == [f"photos/{name}" for name in members]


def test_a_tar_of_a_folder_with_parts_has_these_parts(tmp_path, image):
    names = [
        f"data/{p}/{c}/{n}.jpg" for p in ("train", "val") for c in "ab" for n in "12"
    ]
    files = open_files(write_tar(tmp_path / "x.tar", dict.fromkeys(names, image)))
    assert {part: len(i) for part, i in files.parts.items()} == {
        "train": 4,
        "validation": 4,
    }
    assert files.class_names == ("a", "b")


def cut(path: pathlib.Path, count: int):
    path.write_bytes(path.read_bytes()[:count])


@pytest.mark.parametrize("make", [make_tar, make_tfrecord])
def test_a_shard_cut_anywhere_keeps_what_is_whole(make, plain, tmp_path):
    spec = make(plain, tmp_path / "shards")
    path = sorted((tmp_path / "shards").iterdir())[-1]
    whole = path.read_bytes()
    contents = {content for *_, content in files_of(plain)}
    # Of the zeros at the end of a tar file the first block is the end mark.
    end = len(whole.rstrip(b"\0")) + tarfile.BLOCKSIZE
    seen = set()
    for count in np.linspace(0, len(whole) - 1, 23).astype(int).tolist():
        path.write_bytes(whole[:count])
        index = open_files(spec).parts["all"]
        read = {index.items.read(n) for n in range(len(index))}
        assert read <= contents and len(read) == len(index)
        seen.add(len(index))
        assert count > end or str(path) in index.ignored[0][0]
    assert len(seen) > 3


@pytest.mark.parametrize("make", [make_tar, make_tfrecord])
def test_what_lies_elsewhere_since_is_not_taken_for_the_old_image(
    make, plain, tmp_path
):
    index = open_files(make(plain, tmp_path / "shards")).parts["all"]
    path, _ = index.items.where.shards[0]
    before = index.items.stamps()
    content = pathlib.Path(path).read_bytes()
    pathlib.Path(path).write_bytes(content[:512] + content)
    with pytest.raises(ImageError, match="changed since"):
        index.items.read(0)
    assert (index.items.stamps() != before).any(axis=1).tolist() == (
        (index.items.where.shard == 0).tolist()
    )
    pathlib.Path(path).unlink()
    with pytest.raises(ImageError, match="No such file"):
        index.items.read(0)
    assert not index.items.stamps()[0].any() and index.items.head(0, 3) == b""


def test_a_flipped_bit_of_a_record_is_seen(plain, tmp_path):
    spec = make_tfrecord(plain, tmp_path / "shards")
    path = sorted((tmp_path / "shards").iterdir())[0]
    index = open_files(spec).parts["all"]
    content = bytearray(path.read_bytes())
    content[int(index.items.where.places[0, 0]) + 30] ^= 4
    path.write_bytes(content)
    again = open_files(spec).parts["all"]
    with pytest.raises(ImageError, match="checksum does not fit"):
        again.items.read(0)
    assert again.items.read(1)


@pytest.mark.parametrize(
    ("features", "reason"),
    [
        ({"image/class/label": 1}, "no feature image/encoded"),
        ({"image/encoded": b"x"}, "no label"),
        ({"image/encoded": b"x", "image/class/text": b""}, "no label"),
        ({"image/encoded": 7, "image/class/label": 1}, "not given as bytes"),
    ],
)
def test_records_that_cannot_train_are_listed(tmp_path, features, reason):
    good = [{"image": b"\xff\xd8", "label": number} for number in (-1, 300)]
    path = tmp_path / "x.tfrecord"
    path.write_bytes(b"".join(record(example(f)) for f in [features, *good]))
    files = open_files(f"shards:{path}")
    assert files.class_names == ("-1", "300")
    assert list(files.parts["all"].names) == [
        "x.tfrecord/0000001.jpg",
        "x.tfrecord/0000002.jpg",
    ]
    ((name, why),) = files.parts["all"].ignored
    assert name == f"{path}/0000000" and reason in why


def test_examples_of_tensorflow_are_read(tmp_path, image):
    tf = pytest.importorskip("tensorflow")

    def feature(value):
        if isinstance(value, bytes):
            return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))
        return tf.train.Feature(int64_list=tf.train.Int64List(value=[value]))

    path = tmp_path / "x-00000-of-00001"
    with tf.io.TFRecordWriter(str(path)) as writer:
        for number in (3, -5):
            values = {"image/encoded": image, "image/class/label": number, "z": 2**40}
            features = {key: feature(value) for key, value in values.items()}
            content = tf.train.Example(features=tf.train.Features(feature=features))
            writer.write(content.SerializeToString())
    files = open_files(f"shards:{path}")
    index = files.parts["all"]
    assert files.class_names == ("-5", "3")
    assert [index.items.read(n) for n in (0, 1)] == [image] * 2


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ((), "shards that match"),
        (("a.tar", "b.tfrecord"), "shards of one kind"),
        (("a.tar.gz",), "uncompressed"),
        (("a.tar",), "at least two classes"),
        (("a.tfrecord",), "at least two classes"),
    ],
)
def test_what_is_no_shard_is_refused_in_one_sentence(tmp_path, names, message):
    for name in names:
        (tmp_path / name).write_bytes(b"no shard" * 200)
    with pytest.raises(DataError, match=message) as raised:
        open_files(f"shards:{tmp_path}/*")
    assert "\n" not in str(raised.value)


def test_patterns_are_those_of_shells_and_webdataset(monkeypatch, tmp_path):
    assert list(expanded("{train,val}-{08..10}.tar"))[2:4] == [
        "train-10.tar",
        "val-08.tar",
    ]
    assert list(expanded("a{1..2}{x,y}")) == ["a1x", "a1y", "a2x", "a2y"]
    monkeypatch.chdir(tmp_path)
    assert in_full("shards:a/*.tar") == f"shards:{tmp_path}/a/*.tar"
    assert in_full("shards:gs://a/*.tar") == "shards:gs://a/*.tar"


def test_shards_on_another_machine_are_fetched(plain, tmp_path):
    fsspec = pytest.importorskip("fsspec")
    make_tar(plain, tmp_path / "shards")
    memory = fsspec.filesystem("memory")
    for path in (tmp_path / "shards").iterdir():
        memory.pipe(f"/bucket/{path.name}", path.read_bytes())
    for pattern in ("memory://bucket/*.tar", "memory://bucket"):
        assert len(open_files(f"shards:{pattern}").parts["all"]) == 15
    with pytest.raises(DataError, match="memory://bucket/x"):
        open_files("shards:memory://bucket/x*.tar")


def test_checksums_are_those_of_the_definition():
    def slow(content):
        crc = 0xFFFFFFFF
        for byte in content:
            crc ^= byte
            for _ in range(8):
                crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
        return crc ^ 0xFFFFFFFF

    random = np.random.default_rng(0)
    assert crc32c(b"123456789") == 0xE3069283
    for count in (0, 1, 63, 64, 65, 127, 128, 129, 1000, 4097):
        content = random.bytes(count)
        assert crc32c(content) == slow(content), count
