"""The settings of one training: flags, YAML file and saved record in one place."""

import dataclasses
from collections.abc import Sequence
from typing import Any

from kerasnorm.training.settings import checks, resolution, version
from kerasnorm.training.settings.errors import UsageError
from kerasnorm.training.system import paths

# They belong to one call of the program, not to the training it describes, so that
# `--config RUN/settings.yaml` repeats a run under a new name.
OF_ONE_CALL = ("name", "split", "resume", "accept_changes", "quiet", "debug")


def only_with(default: Any, **choices: Sequence[str]) -> Any:
    """Declare a setting that has a meaning only with some values of another.

    Args:
        default: Its default.
        **choices: Those values, by the name of the other setting.
    """
    return dataclasses.field(default=default, metadata={checks.ONLY_WITH: choices})


@dataclasses.dataclass(frozen=True)
class Settings:
    """Everything that decides how one training goes.

    An app is a value of this class; every field is a flag of its command line
    (`image_size` is `--image-size`) and a key of its YAML file. Nothing is read from
    the environment.

    Args:
        app: Name of the app; first folder below `runs`.
        data: `drawn`, a folder of class folders, a folder with `train/` and
            `validation/` or `test/`, or `tfds:NAME`.
        image_size: Side of the square images in pixels, 16 to 1024.
        train_size: Side of the images that training sees, in pixels, 16 to 1024;
            nothing for as many as the finished model looks at. With random crops,
            which show things larger, training on smaller images saves time and fits
            what validation sees.
        center_crop: Share of an image's side, above 0 to 1, that the model looks at
            where it judges: in validation, `evaluate` and `predict`. The finished
            model's first layer cuts out this middle, of the nearest multiple of 8
            pixels. What a photo is of lies there, and looks larger so. Training sees
            whole images, shrunk to that size if `train_size` is nothing. 1 for no
            cut.
        batch_size: Images in one training step, 1 or more.
        validation_fraction: Share of each class held back where the data has no
            validation part, above 0 and below 1.
        test_fraction: Fraction of each class kept for a last evaluation where the data
            are one folder of classes, 0 to below 1; 0 for none. Nothing of it is seen
            in training or decides when it stops.
        split: `split.csv` of another run: files keep the part that they had there, new
            ones are divided. The settings.yaml of a run as `--config` brings its own
            with it, unless other flags divide the data otherwise.
        fraction: Share of the training images of each class to learn from, above 0
            to 1; validation keeps all of its own.
        folds: Parts of a cross-validation, each with the same share of every class, 2
            or more; 1 for a single split. A validation part of the data's own is then
            left out.
        fold: Which of the parts validates, 0 to folds - 1; the others train.
        fold_groups: Regular expression; files in whose path it finds the same text
            (its first group) stay in one part. Nothing for single files.
        label_noise: Share of the training images that get a wrong label on purpose,
            0 to 1.
        balanced: Show every class equally often, however many images it has.
        rotation_range: Random rotation up to so many degrees, 0 to 180.
        width_shift_range: Random horizontal shift, as a share of the width, 0 to 1.
        height_shift_range: Random vertical shift, as a share of the height, 0 to 1.
        shear_range: Random shear up to so many degrees, 0 to 89.
        zoom_range: Random zoom between 1 - zoom_range and 1 + zoom_range, 0 to 0.99.
        crop_area: Random crops of at least this share of the image's area, above 0
            to 1; 1 for none.
        color_jitter: Random brightness, contrast and saturation by up to this share,
            0 to 1.
        horizontal_flip: Mirror half of the training images left to right.
        rand_augment: Strength of Keras' RandAugment, 0 to 1; nothing for none. Needs
            the TensorFlow backend.
        random_erasing: Share of the training images that lose a random box, 0 to 1.
        mixup: Beta parameter of MixUp; 0 switches it off.
        cutmix: Beta parameter of CutMix; 0 switches it off.
        label_smoothing: Share of a training label spread over all classes, 0 to 0.99.
        model: `convnet`, another builder of `kerasnorm.models`, or `keras:NAME` for
            one of `keras.applications`.
        width: Channels of the first stage of `convnet`.
        stages: Stages of `convnet`, 1 to 6, each with half the map and twice the
            channels of the one before.
        stem_strides: What the stem of `convnet` divides height and width by, 2 or 4.
        weights: Start of a `keras:NAME` model: nothing, `imagenet` or a file. With
            weights its batch norms stay as they were trained.
        frozen: Train only the classifier of a `keras:NAME` model that has weights.
        norm: batch, sync_batch, batch_renorm, ghost_batch, group, layer (one sample,
            all pixels and channels), layer_channels (the channels of one pixel),
            instance, frn, switchable or none (norm-free; switches AGC on).
        norm_momentum: Momentum of moving statistics, 0 to 1. Keras' own default of
            0.99 needs hundreds of steps an epoch.
        dropout: Dropout before the classifier, 0 to 1.
        precision: float32; or bfloat16 or float16, in which layers compute while
            weights, statistics and the loss stay float32. `auto` is bfloat16 where the
            hardware multiplies matrices in it, else float32.
        optimizer: sgd, adam, adamw, muon or ranger21.
        learning_rate: Peak learning rate, above 0, or `auto` for a range test.
        weight_decay: Decoupled weight decay of the kernels, 0 or more.
        progressive: Train on images of 0.6 and then 0.8 of the side for the first 70%
            of the training, which have half the pixels on average, but none below 32
            pixels; validation always sees the full size.
        average_mirrored: Let the finished model judge every image together with its
            mirror image and average the two, in the report, `evaluate` and `predict`:
            twice the time, often half a point of accuracy. Training and its curves
            see single images. Not together with `horizontal_flip` off.
        schedule: constant; or cosine or stable_decay, both after a warm-up.
        warmup_epochs: Epochs in which the learning rate rises from 0.
        agc: Adaptive gradient clipping at this share of the weight norm; nothing for
            no clipping.
        gradient_centralization: Subtract the mean from every kernel's gradient.
        lookahead: Average the weights every five steps.
        sam: Radius of sharpness-aware minimization; nothing for none.
        accumulate: Batches whose gradients are averaged to one step of the optimizer,
            1 or more. Norms still see single batches.
        epochs: Passes over the training images, 1 or more.
        max_minutes: Training ends with the epoch nearest to so many minutes, and the
            schedule with it; nothing for no limit.
        patience: Epochs without a better validation loss before training stops.
        on_nan: What happens when the loss or a weight becomes NaN or infinite: `stop`,
            `skip` the batch, or go on from the last checkpoint with half the learning
            rate (`reduce-lr`).
        distribute: `none` for one device, or `auto` to share every batch among all
            devices.
        seed: Seed of weights, order and augmentation.
        deterministic: Same seed, same history, bit for bit; somewhat slower.
        preflight: Have the doctor look at model and data for a second before training,
            and say what would spoil it.
        examine: Have the doctor examine the trained model, which takes less than a
            minute, and put what it finds into the report.
        runs: Folder that holds all runs; a run lies in RUNS/APP/NAME.
        name: Name of this run; the time of day if nothing.
        resume: Run directory of an interrupted run to go on with.
        accept_changes: Go on although images of the saved split have changed so that
            results mean something else: a class renamed, validation images gone.
        quiet: Print nothing but the run directory.
        debug: Show the traceback of an error.

    Raises:
        UsageError: If a value is outside its range, or values contradict each other.

    Example:
        >>> Settings(data="photos", norm="group", epochs=20).norm
        'group'
    """

    app: str = "training"
    data: str = "drawn"
    image_size: int = 80
    train_size: int | None = None
    center_crop: float = 1.0
    batch_size: int = 32
    validation_fraction: float = 0.2
    test_fraction: float = 0.0
    split: str | None = None
    fraction: float = 1.0
    folds: int = 1
    fold: int = 0
    fold_groups: str | None = None
    label_noise: float = 0.0
    balanced: bool = False
    rotation_range: float = 15.0
    width_shift_range: float = 0.1
    height_shift_range: float = 0.1
    shear_range: float = 5.0
    zoom_range: float = 0.2
    crop_area: float = 1.0
    color_jitter: float = 0.0
    horizontal_flip: bool = True
    rand_augment: float | None = None
    random_erasing: float = 0.0
    mixup: float = 0.0
    cutmix: float = 0.0
    label_smoothing: float = 0.0
    model: str = "convnet"
    width: int = only_with(32, model=("convnet",))
    stages: int = only_with(4, model=("convnet",))
    stem_strides: int = only_with(2, model=("convnet",))
    weights: str | None = None
    frozen: bool = False
    norm: str = "batch"
    norm_momentum: float = 0.9
    dropout: float = 0.2
    precision: str = "float32"
    optimizer: str = "adamw"
    learning_rate: float | str = 2e-3
    weight_decay: float = 0.02
    progressive: bool = False
    average_mirrored: bool = False
    schedule: str = "cosine"
    warmup_epochs: float = only_with(1.0, schedule=("cosine", "stable_decay"))
    agc: float | None = None
    gradient_centralization: bool = False
    lookahead: bool = False
    sam: float | None = None
    accumulate: int = 1
    epochs: int = 30
    max_minutes: float | None = None
    patience: int = 15
    on_nan: str = "stop"
    distribute: str = "none"
    seed: int = 0
    deterministic: bool = False
    preflight: bool = True
    examine: bool = True
    runs: str = "runs"
    name: str | None = None
    resume: str | None = None
    accept_changes: bool = False
    quiet: bool = False
    debug: bool = False

    def __post_init__(self) -> None:
        checks.check(self)

    @property
    def training_side(self) -> int:
        """Side of the images at the end of training, in pixels."""
        return self.judged_side if self.train_size is None else self.train_size

    @property
    def judged_side(self) -> int:
        """Side of what the finished model looks at, in pixels."""
        if self.center_crop == 1:
            return self.image_size
        middle = resolution.rounded(self.center_crop * self.image_size)
        return min(middle, self.image_size)

    @property
    def has_one_size(self) -> bool:
        """Whether training and validation see images of the same size, uncut."""
        sides = {self.image_size, self.judged_side, self.training_side}
        return not self.progressive and len(sides) == 1

    def of_one_size(self) -> "Settings":
        """Return a copy whose training sees what the finished model looks at."""
        return self.replace(
            image_size=self.judged_side,
            train_size=None,
            center_crop=1.0,
            progressive=False,
        )

    def with_full_paths(self) -> "Settings":
        """Return a copy whose data and weights mean the same from every folder."""
        files = {
            name: value and paths.in_full(value, f"--{name}")
            for name in ("weights", "split")
            if (value := getattr(self, name)) is not None
        }
        return self.replace(data=paths.in_full(self.data, "--data"), **files)

    def replace(self, **changes: Any) -> "Settings":
        """Return a copy with some fields changed.

        Args:
            **changes: New values by field name.
        """
        return dataclasses.replace(self, **changes)

    def to_dict(self) -> dict[str, Any]:
        """Return what `settings.yaml` holds: all fields but those of one call."""
        values = dataclasses.asdict(self)
        return {key: value for key, value in values.items() if key not in OF_ONE_CALL}

    @classmethod
    def from_dict(cls, values: dict[str, Any], where: str = "settings") -> "Settings":
        """Make settings from what a YAML file holds.

        Args:
            values: Values by field name; missing ones take their defaults.
            where: Name of the file, for the error.

        Raises:
            UsageError: If a key is not a setting, or a later version wrote them.
        """
        values = version.upgraded(values, where)
        known = [field.name for field in dataclasses.fields(cls)]
        unknown = sorted(set(values) - set(known))
        if unknown:
            raise UsageError(
                f"expected only known settings in {where}, received "
                f"{', '.join(unknown)}; known are {', '.join(known)}"
            )
        return cls(**values)
