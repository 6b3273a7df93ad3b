"""Follows inputs back from `fit` to where they come from."""

from kerasnorm.lint.facts.networks import is_made_by, is_model, is_sequential
from kerasnorm.lint.facts.preparation import Preparation, add_function, add_generator
from kerasnorm.lint.trace.names import is_keras, last
from kerasnorm.lint.trace.values import (
    Call,
    Choice,
    Constant,
    Function,
    Item,
    Items,
    Member,
    Name,
    Operation,
    Value,
    ancestors,
    constant_of,
)

# Functions and methods that hand values on.
PASSING = frozenset(
    """array asarray ascontiguousarray astype reshape expand_dims squeeze copy cast
    convert_to_tensor constant float32 numpy to_numpy stack vstack concatenate batch
    shuffle repeat prefetch cache take skip shard unbatch with_options enumerate
    transpose decode_jpeg decode_png decode_image img_to_array set_shape ensure_shape
    assert_cardinality ravel flatten moveaxis list tuple iter next as_numpy_iterator
    Variable stop_gradient ignore_errors rebatch snapshot train_test_split swapaxes
    get permutation shuffle_arrays""".split()
)
# Where values come from.
LOADERS = frozenset(
    """load_data load load_img read_file imread open from_generator rand randn normal
    uniform integers random randint zeros ones standard_normal random_sample
    fetch_openml image_dataset_from_directory flow_from_directory arange
    flow_from_dataframe linspace read_csv load_digits make_classification
    default_rng list_files make_moons load_iris load_breast_cancer
    make_blobs load_wine""".split()
)
RESIZING = ("resize", "resize_with_pad", "resize_with_crop_or_pad", "smart_resize")
RANDOM_FUNCTIONS = ("random_", "stateless_random_")
SIZES = {"image_dataset_from_directory": (256, 256), "flow_from_directory": (256, 256)}
# Methods of Pillow's images.
OF_IMAGES = ("resize", "convert")
# Layers that change neither values nor anything that this looks at.
NEUTRAL = ("Input", "InputLayer", "Reshape", "Permute", "CenterCrop")


def prepared(value: Value | None) -> Preparation:
    """Return what happened to inputs.

    Args:
        value: What `fit` takes as inputs: a dataset, generator or array.
    """
    made = Preparation()
    _follow(value, made, set())
    return made


def _follow(value: Value | None, made: Preparation, seen: set[int]) -> None:
    if value is None or id(value) in seen or len(seen) > 500:
        made.lose(value)
        return
    seen.add(id(value))
    if isinstance(value, Item):
        _follow(_picked(value), made, seen)
    elif isinstance(value, Items) and value.items:
        _follow(value.items[0], made, seen)
    elif isinstance(value, Operation):
        _operation(value, made, seen)
    elif isinstance(value, Call):
        _call(value, made, seen)
    elif isinstance(value, Member) and value.name in ("images", "data", "T", "values"):
        _follow(value.of, made, seen)
    elif isinstance(value, Choice):
        made.lose(value)
        _follow(value.options[0], made, seen)
    elif isinstance(value, Constant):
        # An argument such as the name of a folder: it says nothing of steps.
        made.unknown.append(0)
    else:
        made.lose(value)


def _picked(value: Item) -> Value:
    """Return what an element is one of, through splits and pairs."""
    of, number = value.of, constant_of(value.key)
    if isinstance(of, Call) and of.name.endswith("train_test_split"):
        if isinstance(number, int) and number // 2 < len(of.positional):
            return of.positional[number // 2]
    if isinstance(of, Call) and of.applied is not None and of.name == "map":
        if isinstance(of.applied, Items) and number in (0, None):
            return of.applied.items[0]
        return of.applied
    if isinstance(of, Call) and last(of.name) == "from_tensor_slices":
        whole = of.positional[0] if of.positional else None
        if isinstance(whole, Items) and isinstance(number, int):
            return whole.items[number] if number < len(whole.items) else of
    return of


def _operation(value: Operation, made: Preparation, seen: set[int]) -> None:
    if value.operator == "format" or len(value.operands) != 2:
        made.lose(value)
        return
    left, right = value.operands
    number = constant_of(right)
    sign = value.operator
    if not isinstance(number, int | float):
        number = constant_of(left)
        if isinstance(number, int | float) and sign in "*+":
            left = right
        else:
            _by_statistics(value, made, seen)
            return
    _follow(left, made, seen)
    if sign == "/" and number:
        made.scale(1 / number, 0.0, value)
    elif sign == "*":
        made.scale(number, 0.0, value)
    elif sign in "+-":
        made.scale(1.0, number if sign == "+" else -number, value)
    else:
        made.lose(value)


def _by_statistics(value: Operation, made: Preparation, seen: set[int]) -> None:
    """Add a subtraction of a mean or a division by a std of any samples."""
    left, right = value.operands
    _follow(left, made, seen)
    words = {getattr(part, "name", "").rpartition(".")[2] for part in ancestors(right)}
    if value.operator == "-" and words & {"mean", "average"}:
        made.functions.append("values minus a mean")
    elif value.operator == "/" and words & {"std", "var", "sqrt"}:
        made.functions.append("values / a std")
    elif value.operator == "/" and words & {"max", "amax", "ptp"}:
        made.functions.append("values / a maximum")
    else:
        made.lose(value)


def _call(value: Call, made: Preparation, seen: set[int]) -> None:
    name = last(value.name)
    first = value.positional[0] if value.positional else None
    if name in ("flow_from_directory", "flow_from_dataframe", "flow"):
        _flow(value, name, made, seen)
    elif name in LOADERS and name != "flow_from_directory":
        _loader(value, name, made)
    elif value.function is not None and isinstance(value.function, Call):
        for argument in value.positional[:1]:
            _follow(argument, made, seen)
        _layer(value.function, made, value)
    elif name == "map":
        _mapped(value, made, seen)
    elif isinstance(value.function, Member) and not isinstance(value.function.of, Name):
        if name not in (*PASSING, *OF_IMAGES, "transform", "fit_transform"):
            made.lose(value)
        if name in ("transform", "fit_transform"):
            made.functions.append("values standardized by a scaler")
            _follow(first, made, seen)
        else:
            _follow(value.function.of, made, seen)
    else:
        _function(value, name, first, made, seen)


def _flow(value: Call, name: str, made: Preparation, seen: set[int]) -> None:
    generator = value.receiver
    if name == "flow":
        _follow(value.argument("x", 0), made, seen)
    else:
        _loader(value, name, made)
        size = constant_of(value.argument("target_size", 1), (256, 256))
        given = value.argument("target_size", 1)
        made.size = size if given is None or constant_of(given) else None
        if name == "flow_from_dataframe":
            given = value.argument("target_size")
            made.size = constant_of(given) if given is not None else (256, 256)
        mode = value.argument("color_mode", None)
        made.color_mode = constant_of(mode) if mode is not None else "rgb"
    if isinstance(generator, Call) and last(generator.name) == "ImageDataGenerator":
        add_generator(made, generator)
    else:
        made.lose(value)


def _loader(value: Call, name: str, made: Preparation) -> None:
    made.source, made.loader = value, name
    if name == "load_img":
        size = value.argument("target_size", 2)
        made.size = constant_of(size)
        mode = value.argument("color_mode", 1)
        made.color_mode = constant_of(mode) if mode is not None else "rgb"
    if name == "image_dataset_from_directory":
        size = value.argument("image_size")
        made.size = constant_of(size) if size is not None else SIZES[name]
        mode = value.argument("color_mode")
        made.color_mode = constant_of(mode) if mode is not None else "rgb"
        made.lose(value) if value.open else None


def _mapped(value: Call, made: Preparation, seen: set[int]) -> None:
    if value.applied is None:
        made.lose(value)
        _follow(value.receiver, made, seen)
        return
    result = value.applied
    if isinstance(result, Items) and result.items:
        result = result.items[0]
    if isinstance(result, Constant):
        made.lose(value)
        return
    before = made.source
    _follow(result, made, seen)
    if made.source is before and value.receiver is not None:
        _follow(value.receiver, made, seen)


def _function(
    value: Call, name: str, first: Value | None, made: Preparation, seen: set[int]
) -> None:
    if first is None:
        first = next(iter(value.keywords.values()), None)
    if name in PASSING or name in ("from_tensor_slices", "from_tensors", "map_fn"):
        _follow(first, made, seen)
        return
    _follow(first, made, seen)
    if name.startswith(RANDOM_FUNCTIONS):
        made.random.append(value)
    elif name == "preprocess_input":
        add_function(made, value.name, value)
    elif name in (
        "resize",
        "resize_with_pad",
        "resize_with_crop_or_pad",
        "smart_resize",
    ):
        size = value.argument("size", 1)
        made.size = constant_of(size)
        if "cv2" in value.name or made.size is None:
            made.lose(value) if name != "resize" else None
    elif name == "convert_image_dtype":
        made.scale(1 / 255, 0.0, value)
    elif name == "rgb_to_grayscale":
        made.color_mode = "grayscale"
    elif name in ("per_image_standardization", "divide", "multiply", "subtract"):
        if name == "divide" and len(value.positional) == 2:
            number = constant_of(value.positional[1])
            if isinstance(number, int | float) and number:
                made.scale(1 / number, 0.0, value)
                return
        if name == "per_image_standardization":
            made.functions.append(name)
        else:
            made.lose(value)
    else:
        made.lose(value)


def _layer(layer: Value, made: Preparation, where: Value) -> None:
    """Add what a layer, or a model of layers, does to inputs in a pipeline."""
    if isinstance(layer, Function):
        made.lose(where)
        return
    if is_sequential(layer) and isinstance(layer, Call):
        given = layer.argument("layers", 0)
        for inner in given.items if isinstance(given, Items) else []:
            _layer(inner, made, where)
        if not isinstance(given, Items):
            made.lose(where)
        return
    if not isinstance(layer, Call) or is_model(layer) or not is_keras(layer.name):
        made.lose(where)
        return
    name = last(layer.name)
    if name == "Rescaling":
        factor = constant_of(layer.argument("scale", 0))
        offset = constant_of(layer.argument("offset", 1), 0.0)
        if isinstance(factor, int | float) and isinstance(offset, int | float):
            made.scale(factor, offset, where)
        else:
            made.lose(where)
    elif name.startswith(("Random", "Mix", "CutMix", "AugMix", "RandAugment")):
        made.random.append(where)
    elif is_made_by(layer, "Resizing"):
        sides = [constant_of(layer.argument(n, i)) for i, n in enumerate(SIDES)]
        made.size = None if None in sides else tuple(sides)
    elif name == "Normalization":
        made.functions.append("a Normalization layer")
    elif name not in NEUTRAL:
        made.lose(where)


SIDES = ("height", "width")
