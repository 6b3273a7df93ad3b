"""One image as it goes into a shard: as it is, or made smaller once."""

import io

from PIL import Image

from kerasnorm.data.images.decode import BILINEAR, FORMATS, Form, open_content

#: Quality of JPEGs that are written, with all of the colour's resolution.
QUALITY = 95
# Names of members by the format of what is copied.
ENDINGS = {
    "JPEG": "jpg",
    "MPO": "jpg",
    "PNG": "png",
    "GIF": "gif",
    "BMP": "bmp",
    "WEBP": "webp",
    "AVIF": "avif",
    "TIFF": "tif",
    "PPM": "ppm",
    "JPEG2000": "jp2",
}


def shrink(
    name: str, content: bytes, size: int, quality: int, gray_bits: int | None
) -> tuple[bytes, str]:
    """Return an image whose shorter side is at most `size`, and the end of its name.

    What is small enough stays as it is, byte for byte. Larger images become upright
    JPEGs, resized with antialiasing.

    Args:
        name: What messages call the image.
        content: Its bytes.
        size: Pixels of the shorter side.
        quality: Quality of the JPEG.
        gray_bits: What `decode_image` takes.

    Raises:
        ImageError: The bytes are no image that can train.
    """
    form = Form(gray_bits=gray_bits)
    image = open_content(name, content, (size, size), form)
    with Image.open(io.BytesIO(content), formats=FORMATS) as header:
        ending = ENDINGS.get(header.format or "")
        is_small = min(header.size) <= size
    if is_small and ending is not None:
        return content, ending
    scale = min(size / min(image.size), 1)
    width, height = (max(round(side * scale), 1) for side in image.size)
    if (width, height) != image.size:
        image = image.resize((width, height), BILINEAR)
    target = io.BytesIO()
    image.save(target, "JPEG", quality=quality, subsampling=0)
    return target.getvalue(), "jpg"
