"""Class folders as a data set of tensorflow-datasets, which tests read at its place."""

import functools
import pathlib

import tensorflow_datasets as tfds

from kerasnorm.data.sources import datasets_items_tf
from tests.data.sources.kinds import CLASSES, files_of


class ClassFolders(tfds.core.GeneratorBasedBuilder):
    """The images of class folders, all in one split."""

    VERSION = tfds.core.Version("1.0.0")
    folder = ""

    def _info(self):
        label = tfds.features.ClassLabel(names=list(CLASSES))
        features = {"image": tfds.features.Image(), "label": label}
        return self.dataset_info_from_configs(
            features=tfds.features.FeaturesDict(features)
        )

    def _split_generators(self, dl_manager):
        return {"train": self._generate_examples()}

    def _generate_examples(self):
        for _, label, name, _ in files_of(self.folder):
            yield name, {"image": str(pathlib.Path(self.folder) / name), "label": label}


def make_tfds(folder: str, target: pathlib.Path, monkeypatch) -> str:
    """Prepare the data set, and have it found."""
    monkeypatch.setattr(ClassFolders, "folder", folder)
    ClassFolders(data_dir=target).download_and_prepare()
    opened = datasets_items_tf.open_dataset
    monkeypatch.setattr(
        datasets_items_tf,
        "open_dataset",
        functools.partial(opened, data_dir=target),
    )
    return "tfds:class_folders"
