"""What happens to inputs on their way from files or arrays to `fit`."""

from dataclasses import dataclass, field

from kerasnorm.lint.facts import applications
from kerasnorm.lint.trace.values import Call, Value, constant_of

# Arguments of ImageDataGenerator that draw at random.
RANDOM_ARGUMENTS = (
    "rotation_range",
    "width_shift_range",
    "height_shift_range",
    "brightness_range",
    "shear_range",
    "zoom_range",
    "channel_shift_range",
    "horizontal_flip",
    "vertical_flip",
)
OWN_STATISTICS = (
    "featurewise_center",
    "featurewise_std_normalization",
    "samplewise_center",
    "samplewise_std_normalization",
    "zca_whitening",
)


@dataclass
class Preparation:
    """What happens to inputs.

    Args:
        factor: What values are multiplied by in all.
        offset: What is added afterwards.
        functions: Other changes of values, such as `preprocess_input` of a family.
        size: Height and width.
        color_mode: Such as `"rgb"`.
        random: What draws at random.
        unknown: Places of the script whose steps are not known.
        source: The loader or array, None if unknown.
        loader: Its name.
        where: The step that scales.
    """

    factor: float = 1.0
    offset: float = 0.0
    functions: list[str] = field(default_factory=list)
    size: tuple | None = None
    color_mode: str | None = None
    random: list[Value] = field(default_factory=list)
    unknown: list[int] = field(default_factory=list)
    source: Value | None = None
    loader: str = ""
    where: Value | None = None
    generator: Call | None = None

    @property
    def is_whole(self) -> bool:
        """Whether every step is known."""
        return not self.unknown

    def lose(self, step: Value | None) -> None:
        """Note a step that is not known.

        Args:
            step: The step.
        """
        node = step.node if step is not None else None
        self.unknown.append(id(node) if node is not None else -id(self))

    def scale(self, factor: float, offset: float, where: Value) -> None:
        """Add a multiplication and an addition.

        Args:
            factor: The factor.
            offset: The number added.
            where: The step.
        """
        self.factor *= factor
        self.offset = self.offset * factor + offset
        self.where = where

    @property
    def values(self) -> str:
        """What is done to values, in words."""
        done = list(self.functions)
        if abs(self.factor - 1) > 1e-9:
            inverse = 1 / self.factor if self.factor else 0.0
            whole = abs(inverse - round(inverse, 1)) < 1e-6 and abs(inverse) > 1
            done.append(
                f"values / {inverse:g}" if whole else f"values * {self.factor:g}"
            )
        if abs(self.offset) > 1e-9:
            done.append(f"{self.offset:+g}")
        return " then ".join(done) or "values as they are"

    def scales_like(self, other: "Preparation") -> bool:
        """Return whether another preparation does the same to values.

        Args:
            other: The other one.
        """
        return (
            abs(self.factor - other.factor) <= 0.01 * abs(self.factor)
            and abs(self.offset - other.offset) <= 0.01
            and sorted(self.functions) == sorted(other.functions)
        )


def add_generator(made: Preparation, generator: Call) -> None:
    """Add what an `ImageDataGenerator` does.

    Args:
        made: The preparation so far.
        generator: The generator.
    """
    made.generator = generator
    if generator.open or generator.positional:
        made.lose(generator)
    function = generator.argument("preprocessing_function")
    if function is not None and constant_of(function, 0) is not None:
        add_function(made, getattr(function, "name", ""), function)
    rescale = generator.argument("rescale")
    if rescale is not None:
        factor = constant_of(rescale)
        if isinstance(factor, int | float):
            if factor:
                made.scale(factor, 0.0, rescale)
        elif constant_of(rescale, 0) is not None:
            made.lose(rescale)
    for name in RANDOM_ARGUMENTS:
        value = generator.argument(name)
        if value is not None and constant_of(value, True) not in (0, 0.0, False, None):
            made.random.append(value)
    for name in OWN_STATISTICS:
        value = generator.argument(name)
        if value is not None and constant_of(value, True):
            made.functions.append(name)


def add_function(made: Preparation, name: str, where: Value) -> None:
    """Add a function of values.

    Args:
        made: The preparation so far.
        name: Its dotted name.
        where: The step.
    """
    module = applications.module_of(name)
    if name.endswith("preprocess_input") and module:
        does = applications.MODULES[module]
        if does != applications.AS_THEY_ARE:
            made.functions.append(f"{module}.preprocess_input ({does})")
        made.where = where
    else:
        made.lose(where)
