import os

os.environ["KERAS_BACKEND"] = "jax"
import keras  # noqa: E402
import numpy as np  # noqa: E402

keras.utils.set_random_seed(4)


def dots(n, seed):
    """uint8 images with 1 or 5 bright dots."""
    r = np.random.default_rng(seed)
    label = r.integers(0, 2, n)
    imgs = r.normal(60, 8, (n, 24, 24))
    yy, xx = np.mgrid[:24, :24]
    for img, l in zip(imgs, label):
        for _ in range(1 if l == 0 else 5):
            cy, cx = r.integers(3, 21, 2)
            img += 150 * np.exp(-((yy - cy) ** 2 + (xx - cx) ** 2) / 4)
    return imgs.clip(0, 255).astype("uint8")[..., None], label


(x_train, y_train), (x_test, y_test) = dots(1000, 0), dots(300, 1)
x_train = x_train.astype("float32") / 255
x_val, y_val = x_test.astype("float32"), y_test

model = keras.models.Sequential(
    [
        keras.layers.Input((24, 24, 1)),
        keras.layers.Conv2D(16, 5, activation="relu"),
        keras.layers.Conv2D(16, 3, strides=2, activation="relu"),
        keras.layers.GlobalAveragePooling2D(),
        keras.layers.Dense(16, activation="relu"),
        keras.layers.Dense(1, activation="sigmoid"),
    ]
)
model.compile(optimizer=keras.optimizers.Adam(3e-3), loss="binary_crossentropy", metrics=["accuracy"])
model.fit(x_train, y_train, epochs=6, validation_data=(x_val, y_val), verbose=2)
