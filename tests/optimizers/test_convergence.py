"""Every optimizer learns to read real handwritten digits."""

import keras
import pytest

from kerasnorm.optimizers import (
    AGC,
    SAM,
    AdaPNM,
    GradientCentralization,
    Lookahead,
    Muon,
    Ranger21,
    WarmupCosine,
)

EPOCHS, BATCH_SIZE, TRAINING_IMAGES = 8, 32, 1400
STEPS = EPOCHS * (-(-TRAINING_IMAGES // BATCH_SIZE))


def sgd():
    schedule = WarmupCosine(0.1, STEPS, STEPS // 10)
    return keras.optimizers.SGD(schedule, momentum=0.9)


OPTIMIZERS = {
    "sgd": sgd,
    "agc": lambda: AGC(sgd(), clip_factor=0.1),
    "centralization": lambda: GradientCentralization(sgd()),
    "lookahead": lambda: Lookahead(sgd()),
    "sam": lambda: SAM(sgd(), rho=0.05),
    "adaptive sam": lambda: SAM(sgd(), rho=0.5, adaptive=True),
    "muon": lambda: Muon(WarmupCosine(3e-3, STEPS, STEPS // 10)),
    "ada pnm": lambda: AdaPNM(5e-3),
    "ranger21": lambda: Ranger21(1e-2, total_steps=STEPS, clip_factor=0.1),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_it_learns_digits(name):
    datasets = pytest.importorskip("sklearn.datasets")
    images, labels = datasets.load_digits(return_X_y=True)
    images = images.reshape(-1, 8, 8, 1).astype("float32") / 16
    keras.utils.set_random_seed(1)
    model = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            keras.layers.Conv2D(16, 3, activation="relu"),
            keras.layers.Conv2D(32, 3, activation="relu"),
            keras.layers.Flatten(),
            keras.layers.Dense(10, activation="softmax"),
        ]
    )
    optimizer = OPTIMIZERS[name]()
    model.compile(
        optimizer=optimizer,
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    if isinstance(optimizer, SAM):
        optimizer.attach(model)
    model.fit(
        images[:TRAINING_IMAGES],
        labels[:TRAINING_IMAGES],
        batch_size=BATCH_SIZE,
        epochs=EPOCHS,
        verbose=0,
    )
    _, accuracy = model.evaluate(
        images[TRAINING_IMAGES:], labels[TRAINING_IMAGES:], verbose=0
    )
    assert accuracy > 0.9
