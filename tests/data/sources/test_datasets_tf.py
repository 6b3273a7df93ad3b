"""tensorflow-datasets become class folders, without a network where it can be."""

import io
import os
import zipfile

import numpy as np
import pytest
from PIL import Image

tfds = pytest.importorskip("tensorflow_datasets")

from kerasnorm.data import DataError, load_images, open_source  # noqa: E402
from kerasnorm.data.sources import datasets_items_tf, datasets_tf  # noqa: E402
from kerasnorm.data.sources.source import open_files  # noqa: E402
from kerasnorm.training.inputs.run_files import find_run_files  # noqa: E402
from kerasnorm.training.settings import Settings  # noqa: E402
from tests.data.conftest import smooth_image  # noqa: E402


def encoded(seed, form="JPEG"):
    file = io.BytesIO()
    Image.fromarray(smooth_image(8, 9, seed=seed)).save(file, form)
    return file.getvalue()


class TinyPets(tfds.core.GeneratorBasedBuilder):
    """Three images to train on and two to test with, as PNG and JPEG."""

    VERSION = tfds.core.Version("1.0.0")

    def _info(self):
        features = {
            "image": tfds.features.Image(),
            "label": tfds.features.ClassLabel(names=["cat", "dog"]),
        }
        return self.dataset_info_from_configs(
            features=tfds.features.FeaturesDict(features)
        )

    def _split_generators(self, dl_manager):
        return {"train": self._generate_examples(6), "test": self._generate_examples(4)}

    def _generate_examples(self, count):
        for number in range(count):
            form = ("JPEG", "PNG")[number % 2]
            content = io.BytesIO(encoded(number, form))
            yield number, {"image": content, "label": number // 2 % 2}


class TinyParts(TinyPets):
    """A data set with all three parts, and images whose labels nobody knows."""

    VERSION = tfds.core.Version("1.0.0")

    def _split_generators(self, dl_manager):
        counts = {"train": 6, "validation": 5, "test": 4}
        splits = {part: self._generate_examples(n) for part, n in counts.items()}
        return splits | {"contest": self._of_a_contest()}

    def _of_a_contest(self):
        for key, example in self._generate_examples(4):
            yield key, example | {"label": -1}


class TinyContest(TinyParts):
    """A data set whose test part has no labels."""

    VERSION = tfds.core.Version("1.0.0")

    def _split_generators(self, dl_manager):
        counts = {"train": 6, "validation": 5}
        splits = {part: self._generate_examples(n) for part, n in counts.items()}
        return splits | {"test": self._of_a_contest()}


class TinyWords(tfds.core.GeneratorBasedBuilder):
    """A data set without images."""

    VERSION = tfds.core.Version("1.0.0")

    def _info(self):
        return self.dataset_info_from_configs(
            features=tfds.features.FeaturesDict({"text": tfds.features.Text()})
        )

    def _split_generators(self, dl_manager):
        return {"train": iter([(0, {"text": "word"})])}

    def _generate_examples(self):
        return iter(())


@pytest.fixture(autouse=True)
def own_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    return tmp_path_factory.mktemp("tfds")


def files_of(folder):
    return {
        os.path.relpath(os.path.join(root, name), folder): (
            open(os.path.join(root, name), "rb").read()
        )
        for root, _, names in os.walk(folder)
        for name in names
    }


def test_both_sides_are_written_byte_for_byte(data_dir):
    files = files_of(datasets_tf.export_dataset("tiny_pets", data_dir))
    assert len(files) == 10
    contents = {
        side: {content for name, content in files.items() if name.startswith(side)}
        for side in ("train", "test")
    }
    for side, count in (("train", 6), ("test", 4)):
        forms = [("JPEG", "PNG")[number % 2] for number in range(count)]
        assert contents[side] == {encoded(*pair) for pair in enumerate(forms)}
    assert {os.path.dirname(name) for name in files} == {
        os.path.join(side, name)
        for side in ("train", "test")
        for name in ("cat", "dog")
    }


def test_one_split_is_written_alone(data_dir):
    files = files_of(datasets_tf.export_dataset("tiny_pets:test", data_dir))
    assert {os.path.dirname(name) for name in files} == {"cat", "dog"}
    assert len(files) == 4


@pytest.mark.parametrize(
    ("name", "counts"),
    [
        ("tiny_pets", {"train": 6, "validation": 4}),
        ("tiny_parts", {"train": 6, "validation": 5, "test": 4}),
        ("tiny_contest", {"train": 6, "validation": 5}),
    ],
)
def test_splits_serve_as_folders_of_their_names_do(data_dir, name, counts):
    folder = datasets_tf.export_dataset(name, data_dir)
    parts = find_run_files(Settings(data=str(folder))).parts
    assert {part: len(index) for part, index in parts.items()} == counts


def test_a_split_without_labels_is_refused(data_dir):
    with pytest.raises(DataError, match="labels in split 'contest'"):
        datasets_tf.export_dataset("tiny_parts:contest", data_dir)


def test_slices_are_taken(data_dir):
    assert (
        len(files_of(datasets_tf.export_dataset("tiny_pets:train[:3]", data_dir))) == 3
    )


def test_the_second_time_nothing_is_written(data_dir, monkeypatch):
    first = datasets_tf.export_dataset("tiny_pets", data_dir)
    monkeypatch.setattr(datasets_tf, "write_files", None)
    assert datasets_tf.export_dataset("tiny_pets", data_dir) == first


def test_a_stopped_export_leaves_nothing(data_dir, monkeypatch, tmp_path):
    def fail(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(datasets_tf, "write_files", fail)
    with pytest.raises(KeyboardInterrupt):
        datasets_tf.export_dataset("tiny_pets", data_dir)
    assert os.listdir(tmp_path / "cache" / "kerasnorm" / "tfds") == []


@pytest.fixture
def at_data_dir(data_dir, monkeypatch):
    """Have `open_source` look for data sets where the tests write them."""
    opened = datasets_items_tf.open_dataset
    monkeypatch.setattr(
        datasets_items_tf, "open_dataset", lambda spec: opened(spec, data_dir)
    )


@pytest.mark.parametrize(
    ("name", "counts"),
    [
        ("tiny_pets", {"train": 6, "validation": 4}),
        ("tiny_parts", {"train": 6, "validation": 5, "test": 4}),
        ("tiny_contest", {"train": 6, "validation": 5}),
        ("tiny_pets:test", {"all": 4}),
        ("tiny_pets:train[2:5]", {"all": 3}),
        ("tiny_parts:train[:50%]+test", {"all": 7}),
    ],
)
def test_a_source_is_read_where_it_lies(at_data_dir, data_dir, tmp_path, name, counts):
    files = open_files(f"tfds:{name}")
    assert {part: len(index) for part, index in files.parts.items()} == counts
    assert files.class_names == ("cat", "dog")
    exported = index_directory_of(datasets_tf.export_dataset(name, data_dir))
    for part, index in files.parts.items():
        found = {
            (index.items.read(n), index.class_names[label])
            for n, label in enumerate(index.labels)
        }
        assert found == exported[part]
        assert len(set(index.names)) == len(index)
        assert load_images(index, (8, 9)).images.dtype == np.uint8


def index_directory_of(folder):
    return {
        part: {
            (index.items.read(n), index.class_names[label])
            for n, label in enumerate(index.labels)
        }
        for part, index in open_files(folder).parts.items()
    }


def test_nothing_of_a_data_set_is_copied(at_data_dir, monkeypatch):
    monkeypatch.setattr(datasets_tf, "export_dataset", None)
    source = open_source("tfds:tiny_pets")
    assert (len(source.train), len(source.validation)) == (6, 4)
    assert source.train.names[0].split("/")[:2] in (["train", "cat"], ["train", "dog"])


def test_wrong_names_of_splits_are_refused(at_data_dir):
    for name, problem in (
        ("tiny_parts:contest", "labels in split 'contest'"),
        ("tiny_pets:nothing", "Received: 'nothing'"),
        ("tiny_words", "one image"),
    ):
        with pytest.raises(DataError, match=problem):
            open_source(f"tfds:{name}")


def pets_archive(path):
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("Cat", "Dog"):
            for number in range(4):
                archive.writestr(f"PetImages/{name}/{number}.jpg", encoded(number))
            exif = Image.Exif()
            exif[0x010E] = "no JFIF in the first bytes"
            file = io.BytesIO()
            Image.fromarray(smooth_image(8, 9)).save(file, "JPEG", exif=exif)
            archive.writestr(
                f"PetImages/{name}/exif.jpg", file.getvalue().replace(b"JFIF", b"JFxx")
            )
            archive.writestr(f"PetImages/{name}/666.jpg", b"")
            archive.writestr(f"PetImages/{name}/Thumbs.db", b"thumbs")
        archive.writestr("readme[1].txt", "text")
        archive.writestr("../../outside/Dog/../escaped.jpg", b"x")


def test_cats_and_dogs_come_from_the_archive_without_a_network(tmp_path, monkeypatch):
    manual = tmp_path / "data" / "downloads" / "manual"
    manual.mkdir(parents=True)
    pets_archive(manual / "kagglecatsanddogs_5340.zip")
    folder = datasets_tf.export_dataset("cats_vs_dogs", tmp_path / "data")
    assert len(files_of(folder)) == 14
    opened = datasets_items_tf.open_dataset
    monkeypatch.setattr(
        datasets_items_tf, "open_dataset", lambda s: opened(s, tmp_path / "data")
    )
    source = open_source("tfds:cats_vs_dogs", validation_fraction=0.3)
    kept = [
        os.path.basename(path)
        for side in (source.train, source.validation)
        for path in load_images(side, (8, 9)).paths
    ]
    # The images without "JFIF" are good; the empty files and Thumbs.db are not.
    assert sorted(kept) == sorted(["0.jpg", "1.jpg", "2.jpg", "3.jpg", "exif.jpg"] * 2)


@pytest.mark.parametrize("name", ["cats_vs_dogs", "cats_vs_dogs:train"])
def test_without_network_and_archive_one_sentence_says_so(tmp_path, monkeypatch, name):
    monkeypatch.setattr(datasets_tf, "is_reachable", lambda url: False)
    with pytest.raises(DataError) as caught:
        datasets_tf.export_dataset(name, tmp_path / "data")
    message = str(caught.value)
    assert "is not prepared and there is no network" in message
    assert f"put kagglecatsanddogs_5340.zip into {tmp_path}" in message
    assert "\n" not in message


def test_unreachable_hosts_are_noticed(monkeypatch):
    monkeypatch.setattr(datasets_tf.urllib.request, "getproxies", dict)
    assert not datasets_tf.is_reachable("https://nowhere.invalid/file.zip")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("tiny_pest", "tensorflow-datasets knows. Received: 'tiny_pest'"),
        ("tiny_pets:val", "one of test, train. Received: 'val'"),
        ("tiny_words", "Expected a data set with one image, but 'tiny_words' has none"),
    ],
)
def test_unfit_names_raise_in_words(data_dir, name, message):
    with pytest.raises(DataError, match=message):
        datasets_tf.export_dataset(name, data_dir)
