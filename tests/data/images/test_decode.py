"""Every file becomes the same upright RGB image, or a reason in words."""

import os
import threading

import numpy as np
import pytest
from PIL import Image, ImageOps

from kerasnorm.data import ImageError, decode_image
from kerasnorm.data.images.decode import QuietPillow, open_image
from kerasnorm.data.images.limits import MAX_PIXELS
from tests.data.conftest import save_image, smooth_image


def saved(path, image, **options):
    image.save(path, **options)
    return path


def reason_of(path, **options):
    with pytest.raises(ImageError) as caught:
        decode_image(path, **options)
    assert caught.value.path == os.fspath(path)
    return caught.value.reason


@pytest.fixture
def image():
    return Image.fromarray(smooth_image(20, 30))


@pytest.mark.parametrize("suffix", ["png", "bmp", "webp", "tif", "ppm", "jpg"])
def test_formats_decode_as_pillow_does(tmp_path, image, suffix):
    path = saved(tmp_path / f"image.{suffix}", image)
    expected = np.asarray(Image.open(path).convert("RGB"))
    np.testing.assert_array_equal(decode_image(path), expected)


@pytest.mark.parametrize(
    ("mode", "suffix"),
    [
        ("L", "png"), ("1", "png"), ("P", "png"), ("P", "gif"), ("LA", "png"),
        ("RGBA", "png"), ("CMYK", "jpg"), ("CMYK", "tif"), ("LAB", "tif"),
    ],
)  # fmt: skip
def test_modes_become_rgb_as_pillow_converts_them(tmp_path, image, mode, suffix):
    if mode == "LAB":
        from PIL import ImageCms

        spaces = [ImageCms.createProfile(name) for name in ("sRGB", "LAB")]
        converted = ImageCms.profileToProfile(image, *spaces, outputMode="LAB")
    else:
        converted = image.convert(mode)
    path = saved(tmp_path / f"image.{suffix}", converted)
    expected = np.asarray(Image.open(path).convert("RGB"))
    received = decode_image(path)
    assert (received.dtype, received.shape) == (np.uint8, (20, 30, 3))
    np.testing.assert_array_equal(received, expected)


@pytest.mark.filterwarnings("error")
def test_palette_with_transparency_keeps_its_colours(tmp_path):
    image = Image.new("P", (2, 1))
    image.putpalette([10, 20, 30, 200, 100, 50])
    image.putdata([0, 1])
    path = saved(tmp_path / "clear.png", image, transparency=bytes([0, 128]))
    np.testing.assert_array_equal(decode_image(path), [[[10, 20, 30], [200, 100, 50]]])


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_16_bit_gray_keeps_its_brightness(tmp_path, suffix):
    deep = np.array([[0, 256 * 100], [256 * 200, 65535]], np.uint16)
    path = saved(tmp_path / f"deep.{suffix}", Image.fromarray(deep))
    np.testing.assert_array_equal(decode_image(path)[..., 0], [[0, 100], [200, 255]])


def test_first_frame_of_an_animation_counts(tmp_path):
    frames = [Image.new("RGB", (4, 4), colour) for colour in ("red", "blue")]
    path = tmp_path / "moving.gif"
    frames[0].save(path, save_all=True, append_images=frames[1:])
    np.testing.assert_array_equal(decode_image(path)[0, 0], [255, 0, 0])


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", ["jpg", "png", "webp"])
def test_exif_rotation_is_applied(tmp_path, image, orientation, suffix):
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = saved(tmp_path / f"turned.{suffix}", image, exif=exif)
    expected = np.asarray(ImageOps.exif_transpose(Image.open(path)).convert("RGB"))
    np.testing.assert_array_equal(decode_image(path), expected)


def test_impossible_exif_rotation_is_none(tmp_path, image):
    exif = Image.Exif()
    exif[0x0112] = 77
    path = saved(tmp_path / "turned.png", image, exif=exif)
    np.testing.assert_array_equal(decode_image(path), np.asarray(image))


@pytest.mark.parametrize("orientation", [1, 6])
def test_reduced_jpeg_looks_like_the_whole_one(tmp_path, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    # Detail finer than the target is lost in one way or the other.
    whole = Image.fromarray(smooth_image(40, 70)).resize((700, 400))
    path = saved(tmp_path / "large.jpg", whole, quality=95, exif=exif)
    expected = ImageOps.exif_transpose(Image.open(path)).resize(
        (50, 60), Image.Resampling.BILINEAR
    )
    difference = decode_image(path, (60, 50)).astype(int) - np.asarray(expected)
    # The two ways smooth differently, most where libjpeg does all of the work; an
    # image that lies on its side would differ by 80 in the mean.
    assert np.abs(difference).mean() < 5


def test_jpeg_is_decoded_at_the_smallest_scale_that_covers(tmp_path):
    path = save_image(tmp_path / "large.jpg", 400, 700)
    assert open_image(path, (60, 50)).size == (175, 100)
    assert open_image(path, (101, 50)).size == (350, 200)


def test_small_images_are_enlarged(tmp_path):
    path = save_image(tmp_path / "small.png", 5, 4)
    assert decode_image(path, (50, 60)).shape == (50, 60, 3)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "the file is empty"),
        (b"<html>404</html>", "not an image in a known format"),
        (b"\xff\xd8", "not an image in a known format"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "not an image"),
        (bytes(range(256)) * 8, "not an image in a known format"),
    ],
)
def test_what_is_no_image_has_a_reason(tmp_path, content, reason):
    path = tmp_path / "image.jpg"
    path.write_bytes(content)
    assert reason in reason_of(path)


@pytest.mark.parametrize("suffix", ["jpg", "png", "bmp", "gif", "webp", "tif"])
def test_truncated_files_are_rejected(tmp_path, suffix):
    whole = save_image(tmp_path / f"whole.{suffix}", 64, 64).read_bytes()
    path = tmp_path / f"half.{suffix}"
    path.write_bytes(whole[: len(whole) // 2])
    reason_of(path)


def test_jpeg_without_its_end_is_rejected(tmp_path):
    whole = save_image(tmp_path / "whole.jpg", 64, 64).read_bytes()
    path = tmp_path / "cut.jpg"
    path.write_bytes(whole[:-20])
    assert reason_of(path) == "truncated: the file ends before the image does"


def test_missing_file_and_folder_have_a_reason(tmp_path):
    assert reason_of(tmp_path / "nowhere.jpg") == "No such file or directory"
    assert reason_of(tmp_path) == "not a regular file"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
@pytest.mark.timeout(10)
def test_named_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.jpg")
    assert reason_of(tmp_path / "pipe.jpg") == "not a regular file"


def test_pixels_are_limited_before_decoding(tmp_path):
    path = save_image(tmp_path / "large.png", 40, 50)
    assert reason_of(path, max_pixels=1999) == (
        "decompression bomb: 50x40 pixels are more than 1,999"
    )
    assert decode_image(path, max_pixels=2000).shape == (40, 50, 3)


def test_bomb_is_rejected_without_its_memory(tmp_path):
    import tracemalloc

    side = 16_000
    assert side * side > MAX_PIXELS
    # A gray PNG of zeros deflates a thousand to one.
    path = saved(tmp_path / "bomb.png", Image.new("1", (side, side)))
    tracemalloc.start()
    assert "decompression bomb" in reason_of(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2**20


def test_jpeg_with_endless_scans_is_rejected(tmp_path, monkeypatch):
    monkeypatch.setattr("kerasnorm.data.images.limits.MAX_SCANNED_PIXELS", 64 * 64 * 5)
    path = save_image(tmp_path / "many.jpg", 64, 64, progressive=True)
    assert "scans of 64x64 pixels" in reason_of(path)


def test_large_images_take_turns(tmp_path, monkeypatch):
    monkeypatch.setattr("kerasnorm.data.images.decode.LARGE_PIXELS", 100)
    path = save_image(tmp_path / "large.png", 20, 20)
    from kerasnorm.data.images import decode

    done = threading.Event()

    def work():
        decode_image(path)
        done.set()

    with decode.LARGE:
        thread = threading.Thread(target=work)
        thread.start()
        assert not done.wait(0.3)
    thread.join(5)
    assert done.is_set()


def test_floating_point_images_are_rejected(tmp_path):
    path = saved(tmp_path / "float.tif", Image.new("F", (4, 4), 0.5))
    assert "floating-point" in reason_of(path)


def test_unusual_names_are_read(tmp_path):
    path = save_image(tmp_path / "with space & ümläut 猫.png", 4, 4)
    os.rename(path, tmp_path / "no_extension")
    assert decode_image(tmp_path / "no_extension").shape == (4, 4, 3)


def test_threads_agree_with_one(tmp_path):
    import concurrent.futures

    paths = [save_image(tmp_path / f"{seed}.jpg", 90, 80, seed) for seed in range(8)]
    expected = [decode_image(path, (40, 40)) for path in paths]
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        received = list(pool.map(lambda path: decode_image(path, (40, 40)), paths * 5))
    for image, reference in zip(received, expected * 5, strict=True):
        np.testing.assert_array_equal(image, reference)


def test_quiet_pillow_restores_the_filters(recwarn):
    import warnings

    before = list(warnings.filters)
    with QuietPillow():
        pass
    assert warnings.filters == before
