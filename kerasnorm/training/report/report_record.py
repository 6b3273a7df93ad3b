"""What the report of a run is made from: plain values, no model."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np


@dataclasses.dataclass(frozen=True)
class ShownImage:
    """A validation image and what the model takes it for.

    Args:
        path: File of the image below the data folder, or what else names it.
        image: The pixels, uint8 of shape (height, width, 3), 0 to 255.
        true_class: Name of the class it belongs to.
        predicted_class: Name of the class the model takes it for.
        probability: What the model gives the predicted class, 0 to 1.
        explanation: The image with what speaks for the predicted class drawn over it,
            of the same kind; None for none.

    Raises:
        ValueError: If `image` has another type or shape.
    """

    path: str
    image: np.ndarray
    true_class: str
    predicted_class: str
    probability: float
    explanation: np.ndarray | None = None

    def __post_init__(self) -> None:
        shape, dtype = self.image.shape, self.image.dtype
        if len(shape) != 3 or shape[-1] != 3 or dtype != np.uint8:
            raise ValueError(
                "expected `image` as uint8 of shape (height, width, 3), received "
                f"{dtype} of shape {shape}; give the decoded image, not the "
                "normalized one"
            )


@dataclasses.dataclass(frozen=True)
class RunRecord:
    """Everything that the report of a run shows.

    Args:
        title: Headline of the page, such as app and name of the run.
        settings: Resolved settings; nested mappings are shown with dotted names.
        environment: Versions, device, seed and the like, in the same form.
        history: One mapping per epoch with `epoch` (from 1), `loss`, `accuracy`,
            `val_loss`, `val_accuracy`, `learning_rate`, `seconds`,
            `images_per_second`; what is missing or NaN is shown as such.
        summary: Content of `report.json`; what is missing is left out.
        class_names: Names of the classes in the order of their numbers.
        confusion: Counts of validation images, int of shape (classes, classes);
            rows are true classes, columns predicted ones.
        mistakes: Wrongly predicted images, most confident first; the page shows
            the first 24.
        rejected: Path and reason of each file that was left out.
        examination_html: Trusted HTML of the doctor, shown as it is; None for none.
        right: Rightly predicted images, the most certain of each class first.
        default_settings: Settings of the app as it comes. Settings that differ are
            then shown first, beside their default. None for no comparison.

    Raises:
        ValueError: If `confusion` does not fit `class_names`.
    """

    title: str
    settings: Mapping[str, Any]
    environment: Mapping[str, Any]
    history: Sequence[Mapping[str, float]]
    summary: Mapping[str, Any]
    class_names: Sequence[str]
    confusion: np.ndarray
    mistakes: Sequence[ShownImage]
    rejected: Sequence[tuple[str, str]]
    examination_html: str | None = None
    default_settings: Mapping[str, Any] | None = None
    right: Sequence[ShownImage] = ()

    def __post_init__(self) -> None:
        expected = (len(self.class_names),) * 2
        if self.confusion.shape != expected:
            raise ValueError(
                f"expected `confusion` of shape {expected} for "
                f"{len(self.class_names)} class names, received shape "
                f"{self.confusion.shape}; count with `minlength=num_classes`"
            )
