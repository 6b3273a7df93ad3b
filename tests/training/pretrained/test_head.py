"""The classifier is trained first, as an epoch like any other."""

import json

import keras
import numpy as np
import pytest

pytest.importorskip("tensorflow")

from kerasnorm.models import take_weights
from kerasnorm.training import Settings, build, run
from kerasnorm.training.inputs import batches
from kerasnorm.training.loop import head_epoch
from kerasnorm.training.pretrained import features, head
from tests.training import torture

pytestmark = pytest.mark.thorough


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    folder = tmp_path_factory.mktemp("images")
    torture.draw_images(folder)
    return folder


@pytest.fixture(autouse=True)
def few_passes(monkeypatch):
    monkeypatch.setattr(head, "EPOCHS", 4)
    monkeypatch.setattr(head, "LEARNING_RATE", 0.1)


@pytest.fixture
def settings(images, tmp_path):
    network = {"width": 4, "stages": 1, "image_size": 16}
    keras.utils.set_random_seed(5)
    model = build.build_model(Settings(**network), 3)
    model.save_weights(tmp_path / "before.weights.h5")
    return Settings(
        app="test",
        data=str(images),
        runs=str(tmp_path),
        name="run",
        batch_size=16,
        epochs=3,
        weights=str(tmp_path / "before.weights.h5"),
        head_first=True,
        quiet=True,
        examine=False,
        preflight=False,
        rotation_range=0,
        width_shift_range=0,
        height_shift_range=0,
        shear_range=0,
        zoom_range=0,
        **network,
    )


@pytest.fixture
def computed(monkeypatch):
    """Names of the files whose features are computed."""
    found, compute = [], features.Features._compute

    def counting(self, decoded, start, is_mirrored, batch_size, file):
        found.append(file.name)
        compute(self, decoded, start, is_mirrored, batch_size, file)

    monkeypatch.setattr(features.Features, "_compute", counting)
    monkeypatch.setattr(features, "CHUNK", 20)
    return found


VIEWS = [
    *(f"train-{view}-{start}.npy" for view in (0, 1) for start in (0, 20, 40)),
    "validation-0-0.npy",
]


def body_is(model, file):
    """Say whether all but the classifier is as in a file of weights."""
    other = keras.models.clone_model(model)
    take_weights(other, file, without=("classifier",))
    pairs = zip(model.weights, other.weights, strict=True)
    return all(
        np.array_equal(*map(keras.ops.convert_to_numpy, pair))
        for pair in pairs
        if "classifier" not in pair[0].path and "seed" not in pair[0].path
    )


def test_frozen_trains_the_classifier_on_features_computed_once(settings, computed):
    done = run(settings.replace(frozen=True))
    assert computed == VIEWS
    assert done.report["epochs"] == 1
    assert done.report["stopped_because"] == "only the classifier was to train"
    model = keras.saving.load_model(done.directory / "model.keras")
    assert body_is(model, settings.weights)
    found = json.loads((done.directory / "head.json").read_text())
    assert found["epochs"] >= found["best_epoch"] >= 1
    loss = found["logs"]["val_loss"]
    assert done.report["validation_loss"] == pytest.approx(loss, abs=1e-4)
    assert loss < np.log(2)
    assert not (done.directory / "features").exists()
    page = (done.directory / "report.html").read_text(encoding="utf-8")
    assert "In epoch 1 the classifier trained alone" in page


def test_features_survive_an_abort(settings, computed, monkeypatch):
    settings = settings.replace(frozen=True, deterministic=True)
    compute = features.Features._compute

    def breaking(self, decoded, start, is_mirrored, batch_size, file):
        if file.name == "train-1-20.npy":
            raise KeyboardInterrupt
        compute(self, decoded, start, is_mirrored, batch_size, file)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(features.Features, "_compute", breaking)
        run(settings)
    assert computed == VIEWS[:4]
    resumed = run(settings.replace(resume=f"{settings.runs}/test/run"))
    assert computed == VIEWS
    whole = run(settings.replace(name="whole"))
    assert resumed.report["validation_loss"] == whole.report["validation_loss"]


def test_what_is_worse_than_the_classifier_alone_is_not_kept(settings, monkeypatch):
    right = batches.training_batches

    def wrong(*arguments):
        return right(*arguments).map(lambda images, labels: (images, 1 - labels))

    monkeypatch.setattr(batches, "training_batches", wrong)
    done = run(settings.replace(learning_rate=0.05, schedule="constant"))
    assert done.report["epochs"] == 3
    assert done.report["best_epoch"] == 1
    assert body_is(
        keras.saving.load_model(done.directory / "model.keras"), settings.weights
    )


def test_a_resumed_run_does_not_train_the_classifier_again(settings, monkeypatch):
    run(settings.replace(epochs=2, weights=settings.weights))
    monkeypatch.setattr(head, "train_head", None)
    resume = f"{settings.runs}/test/run"
    done = run(settings.replace(epochs=3, resume=resume))
    assert done.report["epochs"] == 3


@pytest.mark.parametrize("policy", ["recalibrate", "unfrozen"])
def test_statistics_are_measured_anew_where_the_policy_says(settings, policy):
    settings = settings.replace(norm_policy=policy, norm_momentum=1.0, head_first=False)
    done = run(settings.replace(epochs=1))
    model = keras.saving.load_model(done.directory / "model.keras")
    fresh = keras.models.clone_model(model)
    take_weights(fresh, settings.weights, without=("classifier",))
    # With a momentum of 1 the averages never move by themselves.
    moved = not np.array_equal(
        *(np.array(one.get_layer("stem_norm").moving_mean) for one in (model, fresh))
    )
    assert moved == (policy == "recalibrate")


def test_the_clock_of_the_other_epochs_begins_behind_the_classifier():
    history = [{"seconds": 60.0}]
    assert head_epoch.fraction_after(0.25, history, 4.0) == 0.0
    assert head_epoch.fraction_after(0.625, history, 4.0) == pytest.approx(0.5)
    assert head_epoch.fraction_after(1.0, history, 4.0) == 1.0
    assert head_epoch.fraction_after(2.0, [{"seconds": 600.0}], 4.0) == 1.0
    assert head_epoch.fraction_after(0.5, [], 4.0) == 0.5
