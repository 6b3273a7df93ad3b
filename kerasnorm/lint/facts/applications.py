"""Networks of keras.applications: what they expect, and which have batch norms."""

# Values that `preprocess_input` of a module makes of 0 to 255.
SYMMETRIC = "values from -1 to 1"
CENTRED = "BGR values minus the mean of ImageNet"
STANDARDIZED = "values standardized by the mean and std of ImageNet"
AS_THEY_ARE = "values from 0 to 255"
MODULES = {
    "convnext": AS_THEY_ARE,
    "densenet": STANDARDIZED,
    "efficientnet": AS_THEY_ARE,
    "efficientnet_v2": AS_THEY_ARE,
    "inception_resnet_v2": SYMMETRIC,
    "inception_v3": SYMMETRIC,
    "mobilenet": SYMMETRIC,
    "mobilenet_v2": SYMMETRIC,
    "mobilenet_v3": AS_THEY_ARE,
    "nasnet": SYMMETRIC,
    "resnet": CENTRED,
    "resnet50": CENTRED,
    "resnet_v2": SYMMETRIC,
    "vgg16": CENTRED,
    "vgg19": CENTRED,
    "xception": SYMMETRIC,
}
# By how the class begins, the longest first.
CLASSES = {
    "InceptionResNetV2": SYMMETRIC,
    "EfficientNet": AS_THEY_ARE,
    "InceptionV3": SYMMETRIC,
    "MobileNetV3": AS_THEY_ARE,
    "MobileNet": SYMMETRIC,
    "ConvNeXt": AS_THEY_ARE,
    "DenseNet": STANDARDIZED,
    "Xception": SYMMETRIC,
    "NASNet": SYMMETRIC,
    "ResNet": CENTRED,
    "VGG": CENTRED,
}
WITHOUT_NORMS = ("VGG", "ConvNeXt")


def module_of(name: str) -> str:
    """Return the module of keras.applications in a dotted name, or nothing.

    Args:
        name: A dotted name.
    """
    parts = name.split(".")
    if "applications" not in parts[:-1]:
        return ""
    return parts[-2] if parts[-2] in MODULES else ""


def is_application(name: str) -> bool:
    """Return whether a dotted name is a network of keras.applications.

    Args:
        name: A dotted name.
    """
    parts = name.split(".")
    return "applications" in parts[:-1] and parts[-1][:1].isupper()


def expected_by(name: str) -> str | None:
    """Return what a network expects with its pretrained weights, None if unknown.

    Args:
        name: Its dotted name.
    """
    last = name.rpartition(".")[2]
    if last.startswith("ResNet") and last.endswith("V2"):
        return SYMMETRIC
    return next((v for k, v in CLASSES.items() if last.startswith(k)), None)


def has_batch_norms(name: str) -> bool:
    """Return whether a network of keras.applications is known to have batch norms.

    Args:
        name: Its dotted name.
    """
    last = name.rpartition(".")[2]
    return expected_by(name) is not None and not last.startswith(WITHOUT_NORMS)
