"""An unreadable file raises or is left out everywhere; nothing stands in its row."""

import numpy as np
import pytest
from PIL import Image

from kerasnorm.data import DataError, ImageDataGenerator

SIZE = (6, 6)
SPOIL = {
    "junk": lambda path: path.write_bytes(b"junk"),
    "empty": lambda path: path.write_bytes(b""),
    "truncated": lambda path: path.write_bytes(path.read_bytes()[:40]),
    "missing": lambda path: path.unlink(),
}


@pytest.fixture
def folder(tmp_path):
    """Six images in two classes; the pixels say the number in the name."""
    for number in range(6):
        path = tmp_path / "ab"[number // 3] / f"{number}.png"
        path.parent.mkdir(exist_ok=True)
        Image.new("RGB", SIZE, (number,) * 3).save(path)
    return tmp_path


def of_directory(folder, **options):
    generator = ImageDataGenerator(dtype="float64", **options)
    return lambda **walk: generator.flow_from_directory(
        folder, SIZE, class_mode="sparse", batch_size=4, seed=3, **walk
    )


def of_table(folder, **options):
    names = [f"{'ab'[number // 3]}/{number}.png" for number in range(6)]
    table = {"filename": names, "class": [name[0] for name in names], "w": range(6)}
    generator = ImageDataGenerator(dtype="float64", **options)
    return lambda **walk: generator.flow_from_dataframe(
        table,
        folder,
        class_mode="sparse",
        weight_col="w",
        batch_size=4,
        seed=3,
        target_size=SIZE,
        validate_filenames=False,
        **walk,
    )


@pytest.mark.parametrize("compat", ["fixed", "keras"])
@pytest.mark.parametrize("cache", ["memory", "none"])
@pytest.mark.parametrize("kind", SPOIL)
@pytest.mark.parametrize("files", [of_directory, of_table])
def test_raises(folder, files, kind, cache, compat):
    flow = files(folder, cache=cache, compat=compat)(shuffle=False)
    SPOIL[kind](folder / "a" / "1.png")
    with pytest.raises(DataError, match=r"a/1\.png: .*unreadable='skip'"):
        next(flow)


@pytest.mark.parametrize("cache", ["memory", "disk", "none"])
@pytest.mark.parametrize("kind", SPOIL)
@pytest.mark.parametrize("files", [of_directory, of_table])
def test_skipped_everywhere(folder, files, kind, cache, caplog):
    if files is of_directory and kind == "missing":
        kind = "junk"
    SPOIL[kind](folder / "a" / "1.png")
    make = files(folder, cache=cache, unreadable="skip")
    for walk in ({"shuffle": False}, {"shuffle": True}):
        flow = make(**walk)
        rows = [
            row for index in range(len(flow)) for row in zip(*flow[index], strict=True)
        ]
        numbers = [int(image[0, 0, 0]) for image, *_ in rows]
        assert sorted(numbers) == [0, 2, 3, 4, 5]
        assert [int(label) for _, label, *_ in rows] == [n // 3 for n in numbers]
        if files is of_table:
            assert [weight for *_, weight in rows] == numbers
        in_order = [numbers[i] for i in np.argsort(flow.index_array)]
        assert flow.filenames == [f"{'ab'[n // 3]}/{n}.png" for n in in_order]
        assert [path[-5] for path in flow.filepaths] == [str(n) for n in in_order]
        assert list(flow.classes) == [n // 3 for n in in_order]
        assert (flow.n, flow.samples) == (5, 5)
        assert list(flow.rejected) == [str(folder / "a" / "1.png")]
    assert "1 of 6 files cannot be read" in caplog.text


def test_no_good_file_left_raises(folder):
    for path in folder.glob("*/*.png"):
        path.write_bytes(b"")
    with pytest.raises(DataError, match=r"none of the 6 files .* the file is empty"):
        of_directory(folder, unreadable="skip")()


def test_a_dataset_raises_too(folder):
    tf = pytest.importorskip("tensorflow")
    (folder / "b" / "5.png").write_bytes(b"junk")
    dataset = of_directory(folder)(shuffle=False).as_dataset()
    with pytest.raises(tf.errors.OpError, match=r"5\.png: not an image in a known"):
        list(dataset)
