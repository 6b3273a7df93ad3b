"""How many planted faults a scan of a folder finds, and how many it sees elsewhere.

python -m benchmarks.scan_issues PHOTOS [--plain 500] [--each 25] [--seed 1]

Copies photos as they are, and others with one fault each, into a temporary folder:
darkened, mixed with white, blurred, of one colour, of another size or shape, or gray.
Where cleanvision can be imported, it judges the same folder. The last column counts
the photos that were copied as they are and have an issue of the row's name.
"""

import argparse
import json
import pathlib
import random
import shutil
import tempfile
import time
from collections.abc import Callable

from PIL import Image, ImageDraw, ImageEnhance, ImageFilter

from kerasnorm.data import scan_images

Fault = Callable[[Image.Image, random.Random], Image.Image]


def darkened(image: Image.Image, draw: random.Random) -> Image.Image:
    return ImageEnhance.Brightness(image).enhance(draw.uniform(0.05, 0.25))


def whitened(image: Image.Image, draw: random.Random) -> Image.Image:
    white = Image.new("RGB", image.size, "white")
    return Image.blend(image, white, draw.uniform(0.85, 0.97))


def blurred(radius: int) -> Fault:
    return lambda image, draw: image.filter(ImageFilter.GaussianBlur(radius))


def one_colour(image: Image.Image, draw: random.Random) -> Image.Image:
    def colour() -> tuple[int, ...]:
        return tuple(draw.randrange(256) for _ in range(3))

    plain = Image.new("RGB", image.size, colour())
    ImageDraw.Draw(plain).rectangle((20, 20, 60, 40), fill=colour())
    return plain


def resized(image: Image.Image, draw: random.Random) -> Image.Image:
    factor = draw.choice([0.12, 0.2, 5])
    return image.resize((int(image.width * factor), int(image.height * factor)))


def strip(image: Image.Image, draw: random.Random) -> Image.Image:
    part = draw.uniform(0.15, 0.33)
    if draw.random() < 0.5:
        return image.crop((0, 0, image.width, int(image.width * part)))
    return image.crop((0, 0, int(image.height * part), image.height))


def gray(image: Image.Image, draw: random.Random) -> Image.Image:
    return image.convert("L")


# Names of the files, the issue that they have, and how they are made.
FAULTS: dict[str, tuple[str, Fault]] = {
    "dark": ("dark", darkened),
    "light": ("light", whitened),
    "blurred by 2": ("blurry", blurred(2)),
    "blurred by 4": ("blurry", blurred(4)),
    "blurred by 8": ("blurry", blurred(8)),
    "one colour": ("low_information", one_colour),
    "other size": ("odd_size", resized),
    "strip": ("odd_aspect_ratio", strip),
    "gray": ("grayscale", gray),
}
PLAIN = "plain"


def write(photos: pathlib.Path, folder: pathlib.Path, options) -> None:
    """Write the folder of two classes; a file's name says what is wrong with it."""
    draw = random.Random(options.seed)
    wanted = options.plain + options.each * len(FAULTS)
    chosen = draw.sample(sorted(photos.rglob("*.jpg")), wanted)
    for name in ("a", "b"):
        (folder / name).mkdir()
    for number, path in enumerate(chosen[: options.plain]):
        target = folder / "ab"[number % 2] / f"{number}_{PLAIN}.jpg"
        shutil.copy(path, target)
    rest = iter(chosen[options.plain :])
    for name, (_, fault) in FAULTS.items():
        for number in range(options.each):
            image = fault(Image.open(next(rest)).convert("RGB"), draw)
            image.save(folder / "ab"[number % 2] / f"{number}_{name}.jpg", quality=90)


def of_scan(folder: pathlib.Path) -> tuple[dict[str, set[str]], float]:
    """Return the names of the files with each issue, and milliseconds an image."""
    begin = time.process_time()
    scan = scan_images(folder)
    seconds = time.process_time() - begin
    return {
        name: {pathlib.Path(issue.path).name for issue in issues}
        for name, issues in scan.issues.items()
    }, 1000 * seconds / len(scan.accepted)


def of_cleanvision(folder: pathlib.Path) -> dict[str, set[str]] | None:
    """Return what cleanvision finds, by the same names; None where it is missing."""
    try:
        from cleanvision import Imagelab
    except ImportError:
        return None
    lab = Imagelab(data_path=str(folder), verbose=False)
    lab.find_issues(n_jobs=1, verbose=False)
    names = {issue for issue, _ in FAULTS.values()}
    return {
        name: {pathlib.Path(path).name for path in lab.issues.index[column]}
        for name in names
        if (column := lab.issues[f"is_{name}_issue"]) is not None
    }


def rows_of(found: dict[str, set[str]], each: int) -> list[dict]:
    """Return a row for each fault: how many were found, and wrongly named photos."""
    return [
        {
            "fault": name,
            "issue": issue,
            "planted": each,
            "found": sum(file.endswith(f"_{name}.jpg") for file in found[issue]),
            "plain": sum(file.endswith(f"_{PLAIN}.jpg") for file in found[issue]),
        }
        for name, (issue, _) in FAULTS.items()
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photos", type=pathlib.Path)
    parser.add_argument("--plain", type=int, default=500)
    parser.add_argument("--each", type=int, default=25)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=pathlib.Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        write(options.photos, folder, options)
        found, milliseconds = of_scan(folder)
        results = {"kerasnorm": rows_of(found, options.each)}
        other = of_cleanvision(folder)
        if other is not None:
            results["cleanvision"] = rows_of(other, options.each)
    for program, rows in results.items():
        print(f"{program}, {options.plain} photos as they are:")
        for row in rows:
            print(
                f"  {row['fault']:<14} {row['found']:>3} of {row['planted']}, "
                f"{row['plain']} as they are"
            )
    print(f"kerasnorm: {milliseconds:.1f} processor milliseconds an image, one run")
    if options.json:
        options.json.write_text(json.dumps(results, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
