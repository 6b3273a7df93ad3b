"""3-fold cross-validation."""

import keras
import numpy as np
from keras import layers
from sklearn.model_selection import StratifiedKFold

SEED = 23
keras.utils.set_random_seed(SEED)


def gratings(n, k=4, s=20):
    rng = np.random.default_rng(SEED)
    y = rng.integers(k, size=n)
    t = (np.pi * y / k)[:, None, None]
    gy, gx = np.mgrid[:s, :s]
    f = rng.uniform(0.6, 1.2, (n, 1, 1))
    x = np.sin(f * (np.cos(t) * gx + np.sin(t) * gy) + rng.uniform(0, 6.28, (n, 1, 1)))
    return (x + rng.normal(0, 0.4, x.shape))[..., None].astype("float32"), y


def get_model():
    model = keras.Sequential(
        [
            keras.Input((20, 20, 1)),
            layers.Conv2D(16, 5, activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(32, 3, activation="relu"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(4, activation="softmax"),
        ]
    )
    model.compile(
        optimizer=keras.optimizers.Adam(5e-3),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    return model


x, y = gratings(1200)
scores = []
folds = StratifiedKFold(n_splits=3, shuffle=True, random_state=SEED)
for fold, (train, val) in enumerate(folds.split(x, y)):
    model = get_model()
    history = model.fit(
        x[train], y[train], validation_data=(x[val], y[val]), epochs=4, verbose=0
    )
    scores.append(history.history["val_accuracy"][-1])
    print(f"fold {fold}: {scores[-1]:.3f}")
print(f"mean {np.mean(scores):.3f} +- {np.std(scores):.3f}")
