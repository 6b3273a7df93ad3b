"""Dot counter: train / test, stop when it gets no better."""

import keras
import numpy as np

keras.utils.set_random_seed(5)


def get_data(n, seed, side=28):
    r = np.random.RandomState(seed)
    X, Y = [], []
    yy, xx = np.mgrid[:side, :side]
    for _ in range(n):
        k = r.randint(3)
        img = r.normal(0, 0.08, (side, side))
        for _ in range((1, 3, 6)[k]):
            cy, cx = r.randint(3, side - 3, 2)
            img += np.exp(-((yy - cy) ** 2 + (xx - cx) ** 2) / 5)
        X.append(img)
        Y.append(k)
    return np.array(X, "float32")[..., None], np.array(Y)


X_train, y_train = get_data(1000, 0)
X_test, y_test = get_data(300, 1)

model = keras.Sequential()
model.add(keras.Input((28, 28, 1)))
model.add(keras.layers.Conv2D(16, 5, activation="relu"))
model.add(keras.layers.Conv2D(16, 3, strides=2, activation="relu"))
model.add(keras.layers.GlobalAveragePooling2D())
model.add(keras.layers.Dense(32, activation="relu"))
model.add(keras.layers.Dense(3, activation="softmax"))
model.compile(
    loss="sparse_categorical_crossentropy",
    optimizer=keras.optimizers.Adam(learning_rate=0.002),
    metrics=["accuracy"],
)
es = keras.callbacks.EarlyStopping(patience=2, restore_best_weights=True)
model.fit(
    X_train, y_train, epochs=6, validation_data=(X_test, y_test), callbacks=[es]
)
score = model.evaluate(X_test, y_test, verbose=0)
print("Test accuracy to report: %.3f" % score[1])
