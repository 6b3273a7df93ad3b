# texture net with early stopping
import numpy as np
import tensorflow as tf
from tensorflow.keras import callbacks, layers, models

tf.keras.utils.set_random_seed(27)


def blobs(count, n, rng, side=28):
    """Images with `count` bright dots."""
    out = np.zeros((n, side, side), "float32")
    yy, xx = np.mgrid[:side, :side]
    for img in out:
        for _ in range(count):
            cy, cx = rng.integers(3, side - 3, 2)
            img += np.exp(-((yy - cy) ** 2 + (xx - cx) ** 2) / 5)
    return out + rng.normal(0, 0.08, out.shape)


def build_data(n, seed):
    rng = np.random.default_rng(seed)
    x = np.concatenate([blobs(c, n, rng) for c in (1, 3, 6)])
    y = np.repeat([0, 1, 2], n)
    idx = rng.permutation(len(x))
    return x[idx][..., None].astype("float32"), y[idx]


x_train, y_train = build_data(350, 0)
x_val, y_val = build_data(100, 1)

model = models.Sequential(
    [
        layers.Input((28, 28, 1)),
        layers.Conv2D(16, 5, activation="relu"),
        layers.Conv2D(16, 3, strides=2, activation="relu"),
        layers.GlobalAveragePooling2D(),
        layers.Dense(32, activation="relu"),
        layers.Dense(3, activation="softmax"),
    ]
)
model.compile(
    optimizer=tf.keras.optimizers.Adam(2e-3),
    loss="sparse_categorical_crossentropy",
    metrics=["accuracy"],
)
stopper = callbacks.EarlyStopping(
    monitor="val_accuracy", mode="min", patience=2, restore_best_weights=True
)
model.fit(
    x_train,
    y_train,
    epochs=10,
    batch_size=32,
    validation_data=(x_val, y_val),
    callbacks=[stopper],
)
loss, acc = model.evaluate(x_val, y_val, verbose=0)
print(f"final val accuracy {acc:.3f}")
