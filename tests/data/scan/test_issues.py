"""Images that are unlike the rest of their folder are found, and only those."""

import itertools

import numpy as np
import pytest
from PIL import Image, ImageFilter

from kerasnorm.data import scan_images
from kerasnorm.data.scan.issues import ISSUES, find_issues
from kerasnorm.data.scan.properties import ImageProperties, blur_of, properties_of

GOOD = ImageProperties(400, 300, 0.1, 0.95, 0.3, 7.3, False)
GOOD_FILES = 12


def photo(seed, size=(240, 180)):
    """Return an image with edges, fine texture and colours, as a photo has."""
    draw = np.random.default_rng(seed)
    width, height = size
    blocks = draw.integers(0, 256, (height // 20, width // 20, 3), np.uint8)
    image = Image.fromarray(blocks).resize(size, Image.Resampling.NEAREST)
    noise = draw.normal(0, 12, (height, width, 1))
    return Image.fromarray(np.clip(np.asarray(image) + noise, 0, 255).astype(np.uint8))


def towards(image, colour, fraction):
    """Return the image mixed with a colour."""
    return Image.blend(image, Image.new("RGB", image.size, colour), fraction)


def one_colour(seed):
    image = Image.new("RGB", (240, 180), (40, 150, 90 + seed))
    image.paste((200, 60, 30), (10, 10, 30, 30))
    return image


BAD = {
    "dark": lambda seed: towards(photo(seed), "black", 0.85),
    "light": lambda seed: towards(photo(seed), "white", 0.9),
    "blurry": lambda seed: photo(seed).filter(ImageFilter.GaussianBlur(3)),
    "low_information": one_colour,
    "odd_size": lambda seed: photo(seed, size=(1200, 900)),
    "odd_aspect_ratio": lambda seed: photo(seed, size=(460, 100)),
    "grayscale": lambda seed: photo(seed).convert("L"),
}


def write(folder, images):
    """Write images of two classes and return what their scan found, by file name."""
    for name, image in images.items():
        place = folder / ("cat" if len(list(folder.rglob("*"))) % 2 else "dog")
        place.mkdir(exist_ok=True, parents=True)
        image.save(place / f"{name}.png")
    return {
        name: [issue.path.rsplit("/", 1)[-1].removesuffix(".png") for issue in issues]
        for name, issues in scan_images(folder).issues.items()
    }


def good_files():
    return {f"good{seed}": photo(seed) for seed in range(GOOD_FILES)}


def test_every_issue_has_a_row_and_good_images_have_none(tmp_path):
    assert set(BAD) == set(ISSUES)
    assert write(tmp_path, good_files()) == {name: [] for name in ISSUES}


@pytest.mark.parametrize("name", ISSUES)
def test_what_differs_from_the_folder_is_found_alone(tmp_path, name):
    bad = {"bad1": BAD[name](50), "bad2": BAD[name](51)}
    found = write(tmp_path, good_files() | bad)
    assert set(found.pop(name)) == {"bad1", "bad2"}
    # One wide strip has other pixels than the rest, too; nothing else goes together.
    others = {"odd_aspect_ratio": {"odd_size"}}.get(name, set())
    assert {other for other, files in found.items() if files} <= others


@pytest.mark.parametrize("name", sorted(set(ISSUES) - {"odd_size"}))
def test_what_most_images_are_is_no_issue(tmp_path, name):
    images = {f"usual{seed}": BAD[name](seed) for seed in range(GOOD_FILES)}
    found = write(tmp_path, images)
    assert found[name] == []


@pytest.mark.parametrize(
    "change",
    [
        {"width": 40, "height": 30},
        {"width": 4000, "height": 3000},
        {"width": 300, "height": 400},
    ],
)
def test_sizes_are_compared_with_those_of_the_folder(change):
    images = [(f"{number}", GOOD) for number in range(20)]
    other = ImageProperties(**(vars(GOOD) | change))
    found = find_issues([*images, ("other", other)])["odd_size"]
    is_turned = change["width"] * change["height"] == GOOD.width * GOOD.height
    assert [issue.path for issue in found] == ([] if is_turned else ["other"])


def test_the_worst_comes_first_and_scores_fall_with_it():
    dark = [
        ImageProperties(**(vars(GOOD) | {"bright_end": end})) for end in (0.3, 0.1, 0.2)
    ]
    files = [(str(n), GOOD) for n in range(9)] + list(zip("abc", dark, strict=True))
    found = find_issues(files)["dark"]
    assert [issue.path for issue in found] == ["b", "c", "a"]
    assert all(a.score < b.score for a, b in itertools.pairwise(found))


def test_an_empty_folder_has_no_issues():
    assert find_issues([]) == dict.fromkeys(ISSUES, ())


def test_blur_is_what_the_paper_defines():
    """Against the definition written out pixel by pixel."""
    gray = photo(3, size=(40, 40)).convert("L")
    values = np.asarray(gray, float)
    left = []
    for turned in (values, values.T):
        padded = np.pad(turned, ((4, 4), (0, 0)), mode="edge")
        again = np.array([padded[row : row + 9].mean(axis=0) for row in range(40)])
        steps = abs(turned[1:] - turned[:-1])
        lost = np.maximum(steps - abs(again[1:] - again[:-1]), 0)
        left.append((steps.sum() - lost.sum()) / steps.sum())
    assert blur_of(gray) == pytest.approx(max(left), abs=1e-5)


def test_blur_grows_with_the_blurring_and_not_with_contrast():
    image = photo(4)
    blurs = [
        properties_of(image.filter(ImageFilter.GaussianBlur(radius))).blur
        for radius in (0, 1, 2, 4)
    ]
    assert blurs == sorted(blurs)
    faint = towards(image, "gray", 0.7)
    assert properties_of(faint).blur == pytest.approx(blurs[0], abs=0.05)


def test_brightness_ends_are_quantiles_and_entropy_is_that_of_the_gray_values():
    values = np.repeat(np.arange(100, dtype=np.uint8), 4).reshape(20, 20)
    found = properties_of(Image.fromarray(values).convert("RGB"))
    assert found.dark_end * 255 == pytest.approx(np.quantile(values, 0.05), abs=1)
    assert found.bright_end * 255 == pytest.approx(np.quantile(values, 0.99), abs=1)
    assert found.entropy == pytest.approx(np.log2(100))
    assert found.is_gray
