"""Every mode and format Pillow can write, as image and as values, against Keras."""

import keras
import numpy as np
import pytest
from PIL import Image, ImageCms

from kerasnorm.data import ImageDataGenerator, ImageError, decode_image
from kerasnorm.data.generator.file_iterator import COLOR_MODES, FileFormat
from kerasnorm.data.images.decode import FORMATS

HEIGHT, WIDTH = 6, 8
RANDOM = np.random.default_rng(0)
COLOURS = RANDOM.integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)
GRAY = RANDOM.integers(0, 256, (HEIGHT, WIDTH)).astype(np.uint8)
# Gray values of more than 8 bits by Pillow's mode: wide ones, and such as 8 bits hold.
DEEP = {
    (mode, depth): values.astype(dtype)
    for mode, dtype in (("I;16", "<u2"), ("I;16B", ">u2"), ("I", "i4"), ("F", "f4"))
    for depth, values in (
        ("wide", GRAY * 257.0),
        ("narrow", GRAY),
        ("ids", GRAY % 5),
        ("unit", GRAY / 255 if mode == "F" else GRAY % 2),
    )
}
SHALLOW = (
    "1", "L", "P", "LA", "PA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr", "HSV", "LAB",
)  # fmt: skip


def image_of(mode, depth=None):
    """Return an image of a mode of Pillow."""
    if depth is not None:
        values = DEEP[mode, depth]
        return Image.frombytes(mode, (WIDTH, HEIGHT), values.tobytes())
    colours = Image.fromarray(COLOURS)
    if mode == "LAB":
        spaces = [ImageCms.createProfile(name) for name in ("sRGB", "LAB")]
        return ImageCms.profileToProfile(colours, *spaces, outputMode="LAB")
    return colours.convert("L").convert(mode) if mode == "PA" else colours.convert(mode)


def written(tmp_path, kinds):
    """Yield mode, depth and path of every file that Pillow can write."""
    for mode, depth in kinds:
        for name in FORMATS:
            path = tmp_path / f"{mode.replace(';', '')}_{depth}.{name.lower()}"
            try:
                image_of(mode, depth).save(path, format=name)
            except (OSError, ValueError, KeyError):
                # This format has no such mode, or Pillow cannot write it.
                continue
            yield mode, depth, path


def by_keras(path, color_mode):
    return keras.utils.img_to_array(keras.utils.load_img(path, color_mode=color_mode))


def by_file_format(path, color_mode, compat, **options):
    file_format = FileFormat((HEIGHT, WIDTH), color_mode, compat=compat, **options)
    return file_format.decode(path).astype(np.float32)


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
def test_every_mode_of_8_bits_equals_keras(tmp_path):
    count = 0
    for mode, _, path in written(tmp_path, [(mode, None) for mode in SHALLOW]):
        count += 1
        np.testing.assert_array_equal(decode_image(path), by_keras(path, "rgb"))
        for color_mode in COLOR_MODES:
            if mode == "LAB" and color_mode == "grayscale":
                # Pillow, and Keras with it, cannot convert it in one step.
                continue
            expected = by_keras(path, color_mode)
            for compat in ("fixed", "keras"):
                np.testing.assert_array_equal(
                    by_file_format(path, color_mode, compat), expected, str(path)
                )
    assert count > 60


def test_deep_gray_values_are_kept_and_compat_is_keras(tmp_path):
    count = 0
    for _, _, path in written(tmp_path, DEEP):
        opened = Image.open(path).mode
        if not opened.startswith(("I", "F")):
            # Brought to 8 bits as it was written.
            continue
        count += 1
        # Read by Pillow: writing PFM and big-endian JPEG 2000 changes the values.
        values = np.asarray(Image.open(path)).astype(np.float32)[..., None]
        np.testing.assert_array_equal(
            by_file_format(path, "grayscale", "fixed"), values, str(path)
        )
        for color_mode in COLOR_MODES:
            np.testing.assert_array_equal(
                by_file_format(path, color_mode, "keras"),
                by_keras(path, color_mode),
                str(path),
            )
        if opened in ("I;16", "I"):
            np.testing.assert_array_equal(values, by_keras(path, "grayscale"))
    assert count > 30


def test_deep_gray_as_a_image_keeps_its_brightness(tmp_path):
    for _, _, path in written(tmp_path, DEEP):
        opened = Image.open(path).mode
        if opened == "F":
            with pytest.raises(ImageError, match="no agreed brightness"):
                decode_image(path)
        elif opened.startswith("I"):
            values = np.asarray(Image.open(path)).astype(int)
            expected = values // 256 if values.max() > 255 else values
            for received in (
                decode_image(path)[..., 1],
                by_file_format(path, "rgb", "fixed")[..., 1],
            ):
                np.testing.assert_array_equal(received, expected, str(path))


@pytest.mark.parametrize("interpolation", ["nearest", "bilinear", "box"])
@pytest.mark.parametrize("mode", ["I;16", "I;16B", "I", "F"])
def test_deep_gray_is_resized(tmp_path, mode, interpolation):
    path = tmp_path / "deep.tif"
    Image.frombytes(mode, (WIDTH, HEIGHT), DEEP[mode, "wide"].tobytes()).save(path)
    file_format = FileFormat((12, 16), "grayscale", interpolation)
    received = file_format.decode(path)[..., 0].astype(np.float32)
    wide = Image.fromarray(DEEP[mode, "wide"].astype(np.float32))
    filters = Image.Resampling[interpolation.upper()]
    expected = np.asarray(wide.resize((16, 12), filters))
    np.testing.assert_allclose(received, expected, atol=1)


def declared(values, path, bits):
    """Write gray values with the number of their significant bits declared."""
    image = Image.fromarray(values.astype(np.uint16))
    if path.suffix == ".png":
        from PIL import PngImagePlugin

        chunks = PngImagePlugin.PngInfo()
        chunks.add(b"sBIT", bytes([bits]))
        image.save(path, pnginfo=chunks)
    else:
        image.save(path, tiffinfo={281: 2**bits - 1})
    return path


@pytest.mark.parametrize("bits", range(9, 17))
@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_declared_bits_are_the_brightness(tmp_path, suffix, bits):
    values = np.linspace(0, 2**bits - 1, 504).reshape(21, 24).astype(int)
    path = declared(values, tmp_path / f"deep{suffix}", bits)
    np.testing.assert_array_equal(decode_image(path)[..., 0], values >> (bits - 8))


@pytest.mark.parametrize("cache", ["memory", "disk", "none"])
@pytest.mark.parametrize("first", ["shallow", "deep"])
def test_iterators_keep_deep_values_beside_shallow_ones(tmp_path, first, cache):
    images = {"shallow": GRAY, "deep": GRAY * np.uint16(257)}
    for name in images:
        (tmp_path / "a").mkdir(exist_ok=True)
        path = tmp_path / "a" / f"{int(name != first)}.png"
        Image.fromarray(images[name]).save(path)
    generator = ImageDataGenerator(cache=cache, brightness_range=(1, 1))
    flow = generator.flow_from_directory(
        tmp_path, (HEIGHT, WIDTH), "grayscale", class_mode=None, shuffle=False
    )
    expected = sorted(images, key=first.__ne__)
    for _ in range(2):
        for image, name in zip(next(flow), expected, strict=True):
            np.testing.assert_array_equal(image[..., 0], images[name])


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int32", "float32", "float64"])
def test_brightness_of_one_keeps_the_values_of_arrays(dtype):
    values = np.stack([GRAY, GRAY * 257.0 if dtype != "uint8" else GRAY])
    images = values.astype(dtype)[..., None]
    flow = ImageDataGenerator(brightness_range=(1, 1)).flow(images, shuffle=False)
    np.testing.assert_array_equal(next(flow), images.astype(np.float32))
