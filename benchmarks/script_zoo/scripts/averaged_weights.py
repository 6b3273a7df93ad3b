"""CNN with an exponential moving average of the weights."""

import keras
import numpy as np

keras.utils.set_random_seed(50)


def data(n, seed, side=24, classes=4):
    rng = np.random.default_rng(seed)
    y = rng.integers(classes, size=n)
    a = (y * np.pi / classes)[:, None, None]
    yy, xx = np.mgrid[:side, :side]
    z = rng.uniform(0.6, 1.2, (n, 1, 1)) * (np.cos(a) * xx + np.sin(a) * yy)
    img = np.sin(z + rng.uniform(0, 6.28, (n, 1, 1)))
    img += rng.normal(0, 0.4, img.shape)
    return img[..., None].astype("float32"), y


x_train, y_train = data(1280, 0)
x_val, y_val = data(300, 1)

L = keras.layers
inputs = keras.Input(x_train.shape[1:])
x = L.Conv2D(16, 3, padding="same", use_bias=False)(inputs)
x = L.BatchNormalization(momentum=0.9)(x)
x = L.ReLU()(x)
x = L.MaxPooling2D()(x)
x = L.Conv2D(32, 3, padding="same", use_bias=False)(x)
x = L.BatchNormalization(momentum=0.9)(x)
x = L.ReLU()(x)
x = L.MaxPooling2D()(x)
x = L.Conv2D(32, 3, padding="same", use_bias=False)(x)
x = L.BatchNormalization(momentum=0.9)(x)
x = L.ReLU()(x)
x = L.GlobalAveragePooling2D()(x)
model = keras.Model(inputs, L.Dense(4, activation="softmax")(x))

model.compile(
    optimizer=keras.optimizers.Adam(3e-3, use_ema=True, ema_momentum=0.99),
    loss="sparse_categorical_crossentropy",
    metrics=["accuracy"],
)
model.fit(
    x_train,
    y_train,
    batch_size=32,
    epochs=2,
    validation_data=(x_val, y_val),
    callbacks=[keras.callbacks.SwapEMAWeights(swap_on_epoch=True)],
)
print(model.evaluate(x_val, y_val, verbose=0))
