"""Class folders, their numbers, files, parts and images are Keras' class's."""

import functools
import os
import shutil

import numpy as np
import pytest
from PIL import Image

from kerasnorm.data import DataError, ImageDataGenerator
from tests.data.conftest import save_image

SIZE = (9, 11)


def both(legacy_generator, directory, generator_options=None, compat="fixed", **walk):
    walk = {"target_size": SIZE, "batch_size": 5, "shuffle": False} | walk
    ours = functools.partial(ImageDataGenerator, compat=compat)
    return tuple(
        generator(**(generator_options or {})).flow_from_directory(directory, **walk)
        for generator in (ours, legacy_generator)
    )


@pytest.fixture(scope="module")
def odd_folders(tmp_path_factory):
    """Hidden folders, links, capitals, names that sort oddly, files that are none."""
    directory = tmp_path_factory.mktemp("odd")
    for name in ("b", "a", ".hidden", "B"):
        for number in range(5):
            for folder in ("", "sub", "sub-x", "sub/deep"):
                save_image(directory / name / folder / f"{number}.png", 4, 5)
        (directory / name / "notes.txt").write_text("no image")
        save_image(directory / name / "UPPER.JPG", 4, 5)
    save_image(directory / "a" / ".hidden.png", 4, 5)
    save_image(directory / "outside.png", 4, 5)
    # Keras' class looks at the end of the name, dot or not.
    shutil.copy(directory / "a" / "0.png", directory / "a" / "nodotpng")
    os.symlink(directory / "b" / "sub", directory / "a" / "link")
    return directory


@pytest.mark.parametrize("follow_links", [False, True])
@pytest.mark.parametrize("subset", [None, "training", "validation"])
def test_files_and_classes_equal_keras_class(
    legacy_generator, odd_folders, subset, follow_links
):
    ours, legacy = both(
        legacy_generator,
        odd_folders,
        {"validation_split": 0.3},
        compat="keras",
        subset=subset,
        follow_links=follow_links,
    )
    assert ours.class_indices == legacy.class_indices
    assert ours.filenames == legacy.filenames
    assert ours.filepaths == legacy.filepaths
    assert (ours.samples, ours.n, len(ours), ours.num_classes, ours.image_shape) == (
        legacy.samples,
        legacy.n,
        len(legacy),
        legacy.num_classes,
        legacy.image_shape,
    )
    np.testing.assert_array_equal(ours.classes, legacy.classes)
    np.testing.assert_array_equal(ours.labels, legacy.labels)


MAKERS = {
    "flow": lambda generator, _: generator.flow(np.zeros((4, 8, 8, 3))),
    "flow_from_directory": lambda generator, directory: generator.flow_from_directory(
        directory
    ),
}


@pytest.mark.parametrize("method", MAKERS)
def test_iterators_have_the_attributes_of_keras_class(
    legacy_generator, odd_folders, method
):
    ours, legacy = (
        MAKERS[method](generator(), odd_folders)
        for generator in (ImageDataGenerator, legacy_generator)
    )
    # Part of its construction, and of use to its own subclasses only.
    internal = {"set_processing_attrs"}
    # What holds for files has no meaning for arrays.
    internal |= {"white_list_formats"} if method == "flow" else set()
    public = {name for name in dir(legacy) if not name.startswith("_")} - internal
    assert public - set(dir(ours)) == set()


def test_more_formats_can_be_let_in(odd_folders, monkeypatch):
    from kerasnorm.data.generator.directory_iterator import DirectoryIterator

    def found():
        flow = ImageDataGenerator().flow_from_directory(odd_folders, classes=["a"])
        return {name for name in flow.filenames if name.endswith(".txt")}

    assert found() == set()
    formats = (*DirectoryIterator.white_list_formats, "txt")
    monkeypatch.setattr(DirectoryIterator, "white_list_formats", formats)
    assert found() == {os.path.join("a", "notes.txt")}


@pytest.mark.parametrize("classes", [["b", "a"], ["."], ["a", "none"], []])
def test_chosen_classes_equal_keras_class(legacy_generator, odd_folders, classes):
    ours, legacy = both(legacy_generator, odd_folders, compat="keras", classes=classes)
    assert ours.class_indices == legacy.class_indices
    assert ours.filenames == legacy.filenames
    np.testing.assert_array_equal(ours.classes, legacy.classes)


@pytest.mark.parametrize("class_mode", ["categorical", "sparse", "input", None])
def test_targets_equal_keras_class(legacy_generator, class_folders, class_mode):
    ours, legacy = both(legacy_generator, class_folders, class_mode=class_mode)
    for received, expected in zip(next(ours), next(legacy), strict=True):
        assert np.asarray(received).dtype == np.asarray(expected).dtype
        np.testing.assert_array_equal(received, expected)


def test_binary_targets_equal_keras_class(legacy_generator, class_folders):
    for classes in (["ant", "cat"], ["cat"]):
        ours, legacy = both(
            legacy_generator, class_folders, class_mode="binary", classes=classes
        )
        np.testing.assert_array_equal(ours[0][1], legacy[0][1])


@pytest.mark.parametrize("color_mode", ["rgb", "rgba", "grayscale"])
@pytest.mark.parametrize(
    ("interpolation", "keep_aspect_ratio"),
    [
        ("nearest", False),
        ("nearest", True),
        ("bilinear", False),
        ("bicubic", True),
        ("hamming", False),
        ("box", False),
        ("lanczos", False),
    ],
)
def test_images_equal_keras_class(
    legacy_generator, class_folders, color_mode, interpolation, keep_aspect_ratio
):
    ours, legacy = both(
        legacy_generator,
        class_folders,
        color_mode=color_mode,
        interpolation=interpolation,
        keep_aspect_ratio=keep_aspect_ratio,
        class_mode=None,
    )
    np.testing.assert_array_equal(next(ours), next(legacy))


@pytest.mark.parametrize("cache", ["memory", "disk", "none"])
def test_images_are_the_same_from_any_cache(class_folders, cache):
    def two_epochs(**options):
        flow = ImageDataGenerator(**options).flow_from_directory(
            class_folders, target_size=SIZE, batch_size=5, seed=3
        )
        return [next(flow) for _ in range(2 * len(flow))]

    plain = two_epochs(cache="none")
    for received, expected in zip(two_epochs(cache=cache), plain, strict=True):
        np.testing.assert_array_equal(received[0], expected[0])
        np.testing.assert_array_equal(received[1], expected[1])


def test_cached_images_are_not_read_again(class_folders, tmp_path):
    shutil.copytree(class_folders, tmp_path / "copy")
    flow = ImageDataGenerator().flow_from_directory(
        tmp_path / "copy", target_size=SIZE, shuffle=False
    )
    before = flow[0][0]
    shutil.rmtree(tmp_path / "copy")
    np.testing.assert_array_equal(flow[0][0], before)


def test_cache_over_the_budget_is_not_kept(class_folders):
    generator = ImageDataGenerator(memory_budget=1000)
    flow = generator.flow_from_directory(class_folders, target_size=SIZE)
    next(flow)
    assert flow._store._kept is None


@pytest.mark.parametrize(("spare", "is_kept"), [(0, True), (-1, False)])
def test_a_quarter_of_the_free_memory_is_the_budget(
    class_folders, monkeypatch, spare, is_kept
):
    needed = 16 * SIZE[0] * SIZE[1] * 3
    monkeypatch.setattr(
        "kerasnorm.data.generator.image_store.free_memory",
        lambda: 4 * needed + spare,
    )
    flow = ImageDataGenerator().flow_from_directory(class_folders, target_size=SIZE)
    assert (flow._store._kept is not None) == is_kept


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"class_mode": "raw"}, "`class_mode` to be one of 'categorical'"),
        ({"class_mode": "binary"}, "Expected two classes for .* Received: 3"),
        ({"color_mode": "cmyk"}, "`color_mode` to be one of 'rgb'"),
        ({"interpolation": "magic"}, "`interpolation` to be one of 'nearest'"),
        ({"subset": "test"}, "`subset` to be one of"),
        ({"target_size": (0, 9)}, "at least 1 pixel"),
        ({"classes": ["dragon"]}, "Received: 'dragon'; known are 'ant'"),
    ],
)
def test_unfit_arguments_raise_in_words(class_folders, arguments, message):
    generator = ImageDataGenerator(validation_split=0.2)
    with pytest.raises(DataError, match=message):
        generator.flow_from_directory(class_folders, **arguments)


def test_missing_folder_raises_in_words(tmp_path):
    with pytest.raises(DataError, match="Expected a folder, but there is no"):
        ImageDataGenerator().flow_from_directory(tmp_path / "nowhere")


def test_links_in_a_circle_end(tmp_path):
    save_image(tmp_path / "a" / "x.png")
    os.symlink(tmp_path / "a", tmp_path / "a" / "again")
    flow = ImageDataGenerator().flow_from_directory(tmp_path, follow_links=True)
    assert flow.filenames == [os.path.join("a", "x.png")]


def test_only_keras_takes_hidden_folders_and_leaves_webp_out(tmp_path, caplog, capsys):
    for name, ending in (("cat", "png"), ("dog", "webp"), (".ipynb_checkpoints", "")):
        (tmp_path / name).mkdir()
        if ending:
            Image.new("RGB", (5, 5)).save(tmp_path / name / f"0.{ending}")
    (tmp_path / "empty").mkdir()
    found = {
        compat: ImageDataGenerator(compat=compat).flow_from_directory(tmp_path)
        for compat in ("fixed", "keras")
    }
    assert set(found["fixed"].class_indices) == {"cat", "dog", "empty"}
    assert set(found["keras"].class_indices) == set(os.listdir(tmp_path))
    assert {kind: flow.samples for kind, flow in found.items()} == {
        "fixed": 2,
        "keras": 1,
    }
    assert capsys.readouterr().out.splitlines() == [
        "Found 2 images belonging to 3 classes.",
        "Found 1 images belonging to 4 classes.",
    ]
    assert [record.args[0] for record in caplog.records] == ["empty"]
