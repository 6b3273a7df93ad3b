"""ImageDataGenerator's augmentation options as one frozen, checked value."""

import dataclasses

FILL_MODES = ("nearest", "constant", "reflect", "wrap")


@dataclasses.dataclass(frozen=True)
class Augmentation:
    """How training images are varied; validation images never are.

    Every amount is drawn again for each image and epoch, uniformly from its range.
    All geometry is composed into one affine warp, all colour into one linear map, so
    an image is interpolated once. The size and the value range, 0 to 255, stay.

    Args:
        rotation_range: Degrees; drawn from minus to plus this.
        width_shift_range: Fraction of the width, 0 to 1; drawn from minus to plus this.
        height_shift_range: Fraction of the height, 0 to 1.
        shear_range: Degrees; drawn from minus to plus this.
        zoom_range: Fraction, 0 to below 1, for factors from 1 - it to 1 + it, or
            the pair (smallest, largest) itself. Factors below 1 enlarge. Height and
            width draw separately.
        crop_area: Show a part of the image anywhere inside it, enlarged; its part of
            the area is drawn from this to 1, its ratio of sides from 3:4 to 4:3 of the
            image's own. 1 shows the whole image.
        horizontal_flip: Mirror half of the images left to right.
        vertical_flip: Turn half of the images upside down.
        fill_mode: What is seen beyond the border: "nearest", "constant", "reflect" or
            "wrap".
        cval: Value beyond the border for "constant", 0 to 255.
        brightness_range: Pair of factors, 1 leaves the image as it is.
        contrast_range: Pair of factors; the distance from the mean brightness.
        saturation_range: Pair of factors; 0 is gray.
        channel_shift_range: Value added to all channels, drawn from minus to plus
            this, 0 to 255.

    Raises:
        ValueError: An option is out of its range.

    Example:
        >>> Augmentation(rotation_range=15, zoom_range=0.1).zoom_factors
        (0.9, 1.1)

    Reference:
        Szegedy et al. 2015, Going deeper with convolutions, section 6 (random crops),
        arXiv 1409.4842.
    """

    rotation_range: float = 0.0
    width_shift_range: float = 0.0
    height_shift_range: float = 0.0
    shear_range: float = 0.0
    zoom_range: float | tuple[float, float] = 0.0
    crop_area: float = 1.0
    horizontal_flip: bool = False
    vertical_flip: bool = False
    fill_mode: str = "nearest"
    cval: float = 0.0
    brightness_range: tuple[float, float] | None = None
    contrast_range: tuple[float, float] | None = None
    saturation_range: tuple[float, float] | None = None
    channel_shift_range: float = 0.0

    def __post_init__(self):
        check_between(self, "rotation_range", 0, 180, "degrees")
        check_between(self, "shear_range", 0, 89, "degrees")
        check_between(self, "width_shift_range", 0, 1, "a fraction of the width")
        check_between(self, "height_shift_range", 0, 1, "a fraction of the height")
        check_between(self, "channel_shift_range", 0, 255, "a pixel value")
        check_between(self, "cval", 0, 255, "a pixel value")
        check_between(self, "crop_area", 0.01, 1, "a fraction of the area")
        if not isinstance(self.zoom_range, tuple | list):
            check_between(self, "zoom_range", 0, 0.99, "a fraction")
        else:
            check_pair(self, "zoom_range", smallest=0.01)
        for name in ("brightness_range", "contrast_range", "saturation_range"):
            check_pair(self, name, smallest=0.0)
        if self.fill_mode not in FILL_MODES:
            raise ValueError(
                f"Expected `fill_mode` to be one of {', '.join(FILL_MODES)}. Received: "
                f"{self.fill_mode!r}."
            )

    @classmethod
    def none(cls) -> "Augmentation":
        """Return the value that leaves every image as it is."""
        return cls()

    @property
    def zoom_factors(self) -> tuple[float, float]:
        """Smallest and largest zoom factor."""
        if isinstance(self.zoom_range, tuple):
            return self.zoom_range
        return 1 - self.zoom_range, 1 + self.zoom_range

    @property
    def has_geometry(self) -> bool:
        """Whether images are warped."""
        return (
            self.rotation_range > 0
            or self.width_shift_range > 0
            or self.height_shift_range > 0
            or self.shear_range > 0
            or self.zoom_factors != (1.0, 1.0)
            or self.crop_area < 1
            or self.horizontal_flip
            or self.vertical_flip
        )

    @property
    def has_colour(self) -> bool:
        """Whether pixel values are changed."""
        return (
            self.channel_shift_range > 0
            or self.brightness_range not in (None, (1.0, 1.0))
            or self.contrast_range not in (None, (1.0, 1.0))
            or self.saturation_range not in (None, (1.0, 1.0))
        )


def check_between(
    augmentation: Augmentation, name: str, low: float, high: float, unit: str
) -> None:
    """Raise ValueError unless an option is a number between two limits."""
    value = getattr(augmentation, name)
    if not isinstance(value, int | float) or not low <= value <= high:
        raise ValueError(
            f"Expected `{name}` to be {unit}, from {low} to {high}. Received: "
            f"{value!r}."
        )


def check_pair(augmentation: Augmentation, name: str, smallest: float) -> None:
    """Turn an option into a pair of floats; raise ValueError where it is none."""
    value = getattr(augmentation, name)
    if value is None:
        return
    if (
        not isinstance(value, tuple | list)
        or len(value) != 2
        or not smallest <= value[0] <= value[1]
    ):
        raise ValueError(
            f"Expected `{name}` to be a pair of factors, the smaller first and at "
            "least "
            f"{smallest}, for example (0.8, 1.2). Received: {value!r}."
        )
    object.__setattr__(augmentation, name, (float(value[0]), float(value[1])))
