"""In what form `fit` gets its labels."""

from kerasnorm.lint.facts.trainings import Fitted
from kerasnorm.lint.trace.names import last
from kerasnorm.lint.trace.values import (
    Call,
    Constant,
    Item,
    Items,
    Member,
    Name,
    Operation,
    Value,
    constant_of,
)

CLASSES_OF = {"mnist": 10, "fashion_mnist": 10, "cifar10": 10, "cifar100": 100}
# Of scikit-learn.
LOADED = {"load_iris": 3, "load_wine": 3, "load_digits": 10, "load_breast_cancer": 2}
DRAWN = ("integers", "randint")
PASSING = ("astype", "reshape", "asarray", "array", "ravel", "flatten", "squeeze")
ON_DATASETS = (
    "batch shuffle repeat prefetch cache take skip with_options unbatch".split()
)


def form_of_labels(fit: Fitted) -> str | None:
    """Return `"int"`, `"categorical"` or `"binary"`; None where it is not known.

    Args:
        fit: A training.
    """
    labels = fit.argument("y")
    if labels is not None and constant_of(labels, 0) is not None:
        return _of_array(labels)
    return _of_batches(fit.inputs)


def _of_batches(value: Value | None) -> str | None:
    while isinstance(value, Call):
        name = last(value.name)
        if name == "flow_from_directory":
            return _mode(value, "class_mode", 4, "categorical")
        if name == "flow_from_dataframe":
            return _mode(value, "class_mode", None, "categorical")
        if name == "flow":
            labels = value.argument("y", 1)
            return None if labels is None else _of_array(labels)
        if name == "image_dataset_from_directory":
            return _mode(value, "label_mode", 2, "int")
        if name == "from_tensor_slices" and value.positional:
            pair = value.positional[0]
            if isinstance(pair, Items) and len(pair.items) == 2:
                return _of_array(pair.items[1])
            return None
        if name == "map":
            result = value.applied
            if not isinstance(result, Items) or len(result.items) < 2:
                return None
            form = _mapped(result.items[1])
            if form != "same":
                return form
        elif name not in ON_DATASETS:
            return None
        value = value.receiver
    if isinstance(value, Item):
        return _of_batches(value.of)
    return None


def _mode(value: Call, name: str, place: int | None, default: str) -> str | None:
    if value.open:
        return None
    given = value.argument(name, place)
    found = default if given is None else constant_of(given)
    known = {"sparse": "int", "int": "int", "categorical": "categorical"}
    return "binary" if found == "binary" else known.get(str(found))


def _mapped(label: Value) -> str | None:
    if isinstance(label, Call) and last(label.name) in ("one_hot", "to_categorical"):
        return "categorical"
    if isinstance(label, Call) and last(label.name) == "cast" and label.positional:
        return _mapped(label.positional[0])
    second = isinstance(label, Item) and constant_of(label.key) == 1
    return "same" if second else None


def _of_array(value: Value) -> str | None:
    if isinstance(value, Call):
        name = last(value.name)
        if name in ("to_categorical", "one_hot", "get_dummies"):
            return "categorical"
        if name in ("argmax", "factorize"):
            return "int"
        if name in DRAWN:
            size = value.argument("size", 2)
            one_row = not isinstance(size, Items) or len(size.items) == 1
            return "int" if one_row else None
        if name == "fit_transform":
            encoder = last(getattr(value.receiver, "name", ""))
            known = {"LabelEncoder": "int", "OneHotEncoder": "categorical"}
            return known.get(encoder)
        if name in PASSING:
            if isinstance(value.function, Member) and value.receiver is not None:
                if not isinstance(value.receiver, Name):
                    return _of_array(value.receiver)
            return _of_array(value.positional[0]) if value.positional else None
        return None
    if isinstance(value, Item):
        return _of_item(value)
    return None


def classes_of(labels: Value | None) -> tuple[int, str] | None:
    """Return how many classes whole numbers count, and where they come from.

    Args:
        labels: An array of labels; None where it is not known.
    """
    for _ in range(20):
        if isinstance(labels, Call):
            name = last(labels.name)
            if name in DRAWN:
                return _drawn(labels)
            if name not in (*PASSING, "permutation"):
                return None
            of = labels.receiver
            if of is None or isinstance(of, Name):
                of = labels.positional[0] if labels.positional else None
            labels = of
        elif isinstance(labels, Member) and labels.name == "target":
            name = last(getattr(labels.of, "name", ""))
            return (LOADED[name], name) if name in LOADED else None
        elif isinstance(labels, Item):
            found = _of_loaded(labels)
            if found is not None:
                return found
            of, number = labels.of, constant_of(labels.key)
            if isinstance(of, Call) and last(of.name) == "train_test_split":
                chosen = number // 2 if isinstance(number, int) else len(of.positional)
                if chosen >= len(of.positional):
                    return None
                labels = of.positional[chosen]
            elif _is_slice(labels.key) and isinstance(of, Item | Call | Member):
                labels = of
            else:
                return None
        else:
            return None
    return None


def _is_slice(key: Value | None) -> bool:
    """Return whether a key leaves all classes, as far as one can tell."""
    return isinstance(key, Operation) and key.operator == "slice"


def _of_loaded(labels: Item) -> tuple[int, str] | None:
    """Return the classes of what a loader of arrays gives as labels."""
    if constant_of(labels.key) != 1:
        return None
    of = labels.of
    if isinstance(of, Call) and last(of.name) in LOADED:
        return LOADED[last(of.name)], last(of.name)
    if isinstance(of, Item) and isinstance(of.of, Call):
        parts = of.of.name.split(".")
        if parts[-1] == "load_data" and len(parts) > 1 and parts[-2] in CLASSES_OF:
            return CLASSES_OF[parts[-2]], of.of.name
    return None


def _drawn(labels: Call) -> tuple[int, str] | None:
    if labels.open:
        return None
    low, high = labels.argument("low", 0), labels.argument("high", 1)
    ends = (0, constant_of(low)) if high is None else map(constant_of, (low, high))
    first, behind = ends
    if first != 0 or not isinstance(behind, int):
        return None
    return behind, labels.name


def _of_item(value: Item) -> str | None:
    of, number = value.of, constant_of(value.key)
    if isinstance(of, Call) and last(of.name) == "train_test_split":
        if isinstance(number, int) and number // 2 < len(of.positional):
            return _of_array(of.positional[number // 2])
    if isinstance(of, Item) and number == 1 and isinstance(of.of, Call):
        source = of.of.name
        parts = source.split(".")
        if parts[-1] == "load_data" and len(parts) > 1 and parts[-2] in CLASSES_OF:
            return "int"
    if isinstance(of, Call) and last(of.name) == "eye":
        return "categorical"
    if isinstance(value.key, Constant) or not isinstance(of, Item | Call):
        return None
    # A slice or a mask of labels.
    return _of_array(of)
