"""Made-up records of runs for the tests of the report."""

import numpy as np

from kerasnorm.training.report.html_file import RunRecord, ShownImage


def make_history(epochs, **changes):
    return [
        {
            "epoch": epoch,
            "loss": 0.7 / epoch,
            "accuracy": 1 - 0.5 / epoch,
            "val_loss": 0.8 / epoch,
            "val_accuracy": 1 - 0.6 / epoch,
            "learning_rate": 1e-3,
            "seconds": 9.5,
            "images_per_second": 380.0,
            **changes,
        }
        for epoch in range(1, epochs + 1)
    ]


def make_mistake(path="photos/cat.1.jpg", true="cat", predicted="dog", side=32):
    image = np.full((side, side, 3), 90, np.uint8)
    return ShownImage(path, image, true, predicted, 0.987)


def make_record(**changes):
    values = {
        "title": "cats_dogs: first",
        "settings": {"norm": "group", "agc": None, "data": {"seed": 3}},
        "environment": {"keras": "3.15.1", "versions": {"numpy": "2.4.6"}},
        "history": make_history(8),
        "summary": {
            "train_loss": 0.0871,
            "train_accuracy": 0.97,
            "validation_loss": 0.1432,
            "validation_accuracy": 0.94,
            "best_epoch": 7,
            "epochs": 8,
            "seconds": 252.0,
            "images_per_second": 387.2,
            "parameters": 1_234_567,
            "stopped_because": "all 8 epochs were trained",
        },
        "class_names": ["cat", "dog"],
        "confusion": np.array([[478, 22], [38, 462]]),
        "mistakes": [make_mistake()],
        "rejected": [("photos/bad.jpg", "not an image")],
    }
    return RunRecord(**values | changes)


def make_classes(count, images=50):
    """Return the changes that give a record so many classes."""
    random = np.random.default_rng(0)
    fractions = np.eye(count) * 0.7 + random.dirichlet(np.ones(count), count) * 0.3
    return {
        "class_names": [f"class {number}" for number in range(count)],
        "confusion": np.array([random.multinomial(images, row) for row in fractions]),
    }
