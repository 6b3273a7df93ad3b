"""How the report says numbers, times, names and images."""

import base64
import io
import math
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import markupsafe
import numpy as np
import PIL.Image

ABSENT = "\N{EN DASH}"
MINUS = "\N{MINUS SIGN}"
NOT_A_NUMBER = "not a number"
# Names of what is measured from 0 to 1 and read in percent.
FRACTIONS = re.compile("accuracy|confidence|fraction|guessing")
# Elements of a list that are shown.
SHOWN = 12
# Side of a thumbnail in pixels; the page shows it at about half of that.
THUMBNAIL = 256
# Signs that turn the direction of the text after them, so that a file name can show
# itself as something else.
TEXT_DIRECTION = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def finite(value: Any) -> float | None:
    """Return a number, or None where it is missing, NaN or infinite.

    Args:
        value: A number or None.
    """
    return None if value is None or not math.isfinite(value) else float(value)


def percent(fraction: float | None) -> str:
    """Return a fraction of 0 to 1 in percent with one decimal.

    Args:
        fraction: The fraction; None if it is not known.
    """
    known = finite(fraction)
    if known is None:
        return _not_finite(fraction)
    return f"{known * 100:.1f}%"


def number(value: float | None, digits: int = 4) -> str:
    """Return a number with so many significant digits, without needless exponents.

    Args:
        value: The number; None if it is not known.
        digits: Significant digits of numbers below 1,000.
    """
    known = finite(value)
    if known is None:
        return _not_finite(value)
    size = abs(known)
    if size >= 1e7 or 0 < size < 1e-4:
        return f"{known:.2e}"
    return f"{known:,.0f}" if size >= 1000 else f"{known:.{digits}g}"


def decimal(value: float | None, decimals: int = 4) -> str:
    """Return a number with so many decimals.

    Args:
        value: The number; None if it is not known.
        decimals: Digits after the point.
    """
    known = finite(value)
    if known is None:
        return _not_finite(value)
    return f"{known:.{decimals}f}".replace("-", MINUS)


def loss(value: float | None) -> str:
    """Return a loss with four decimals, a large one with four digits.

    Args:
        value: The loss; None if it is NaN or infinite.
    """
    known = finite(value)
    if known is None:
        return NOT_A_NUMBER
    return number(known).replace("-", MINUS) if abs(known) >= 1000 else decimal(known)


def signed(value: float | None, decimals: int = 4) -> str:
    """Return a change with its sign, none where it rounds to 0.

    Args:
        value: The change; None if it is not known.
        decimals: Digits after the point.
    """
    text = decimal(value, decimals)
    known = finite(value)
    if known is None or float(text.replace(MINUS, "-")) == 0:
        return text.lstrip(MINUS)
    return text if known < 0 else f"+{text}"


def measured(value: Any, name: str) -> str:
    """Return one measured value in the unit that its name says.

    Args:
        value: A number, a list of them, or anything else, which is shown as text.
        name: Its name; an interval's ends in `interval`.
    """
    if isinstance(value, list | tuple):
        is_interval = len(value) == 2 and name.endswith("interval")
        parts = [measured(item, name) for item in value[:SHOWN]]
        return (" to " if is_interval else ", ").join(parts)
    if isinstance(value, bool):
        return format_setting(value)
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return NOT_A_NUMBER
    if not isinstance(value, float):
        return str(value)
    is_fraction = FRACTIONS.search(name) and abs(value) <= 1
    return (percent(value) if is_fraction else number(value)).replace("-", MINUS)


def words(name: Any) -> str:
    """Return an identifier in words.

    Args:
        name: The identifier.
    """
    return str(name).replace("_", " ")


def duration(seconds: float | None) -> str:
    """Return a time in the two units that fit it.

    Args:
        seconds: The time in seconds; None if it is not known.
    """
    known = finite(seconds)
    if known is None:
        return _not_finite(seconds)
    if round(known, 1) < 60:
        return f"{known:.1f}s"
    minutes, rest = divmod(round(known), 60)
    if minutes < 60:
        return f"{minutes}m {rest:02}s"
    return f"{minutes // 60}h {minutes % 60:02}m"


def short_count(count: int) -> str:
    """Return a count in thousands (k), millions (M) or billions (G).

    Args:
        count: The count, 0 or more.
    """
    for size, unit in ((10**9, "G"), (10**6, "M"), (10**3, "k")):
        if count >= size:
            return f"{count / size:.3g} {unit}"
    return str(count)


def flatten(values: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """Return nested mappings as pairs of dotted name and text.

    Args:
        values: Names and values, some of which may be mappings.
        prefix: Put before every name.
    """
    pairs = []
    for name, value in values.items():
        if isinstance(value, Mapping) and value:
            pairs += flatten(value, f"{prefix}{name}.")
        else:
            pairs.append((f"{prefix}{name}", format_setting(value)))
    return pairs


def format_setting(value: Any) -> str:
    """Return a setting in words: no None, True or brackets.

    Args:
        value: The setting.
    """
    if value is None or value == "" or value == {}:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(format_setting(item) for item in value) or "none"
    return f"{value:g}" if isinstance(value, float) else str(value)


def escape_control_characters(value: Any) -> Any:
    """Return text with every sign that a page cannot show spelled as an escape.

    These are control signs, signs that turn the direction of the text, and the bytes
    of a file name that are not UTF-8.

    Args:
        value: Text; anything else, markup included, comes back as it is.
    """
    if not isinstance(value, str) or isinstance(value, markupsafe.Markup):
        return value
    return "".join(map(_visible, value))


def below_common_folder(
    rejected: Iterable[tuple[str, str]],
) -> tuple[str | None, list[tuple[str, str]]]:
    """Return the folder that holds all files, and their paths below it.

    Args:
        rejected: Path and reason of each file.

    Returns:
        The folder, None if the paths are not absolute or have none in common, and
        the pairs with shortened paths.
    """
    pairs = [(os.fspath(path), reason) for path, reason in rejected]
    if not pairs or not all(os.path.isabs(path) for path, _ in pairs):
        return None, pairs
    try:
        folder = os.path.commonpath([os.path.dirname(path) for path, _ in pairs])
    except ValueError:
        # Different drives.
        return None, pairs
    return folder, [(os.path.relpath(path, folder), reason) for path, reason in pairs]


def thumbnail(pixels: np.ndarray) -> str:
    """Return an image as the address of an `<img>` that holds its data.

    Args:
        pixels: The image, uint8 of shape (height, width, 3).
    """
    image = PIL.Image.fromarray(pixels)
    image.thumbnail((THUMBNAIL, THUMBNAIL), PIL.Image.Resampling.LANCZOS)
    return jpeg_address(image)


def jpeg_address(image: PIL.Image.Image) -> str:
    """Return an image as the address of an `<img>` that holds its data.

    Args:
        image: The image, RGB.
    """
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=88)
    return f"data:image/jpeg;base64,{base64.b64encode(stream.getvalue()).decode()}"


def png_address(pixels: np.ndarray) -> str:
    """Return an image as the address of an `<img>` that holds its data, without loss.

    Args:
        pixels: uint8 of shape (height, width, 1 or 3).
    """
    stream = io.BytesIO()
    image = PIL.Image.fromarray(pixels if pixels.shape[-1] == 3 else pixels[..., 0])
    image.save(stream, "PNG")
    return f"data:image/png;base64,{base64.b64encode(stream.getvalue()).decode()}"


def _not_finite(value: float | None) -> str:
    if value is None:
        return ABSENT
    return "NaN" if math.isnan(value) else "infinite"


def _visible(sign: str) -> str:
    code = ord(sign)
    is_control = code < 32 or 127 <= code < 160
    is_not_utf8 = 0xD800 <= code < 0xE000
    if is_control or is_not_utf8 or sign in TEXT_DIRECTION:
        return sign.encode("unicode_escape").decode()
    return sign
