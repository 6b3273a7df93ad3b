# cross validation on a small noisy set
import sys
import numpy as np
from keras import Input, optimizers, utils
from keras.layers import Conv2D, Dense, Flatten, MaxPooling2D
from keras.models import Sequential
from sklearn.model_selection import KFold

utils.set_random_seed(24)
rng = np.random.RandomState(24)
K, S = 4, 20

y = rng.randint(0, K, 360)
gy, gx = np.mgrid[:S, :S]
t = (np.pi * y / K)[:, None, None]
X = np.sin(
    rng.uniform(0.6, 1.2, (len(y), 1, 1)) * (np.cos(t) * gx + np.sin(t) * gy)
    + rng.uniform(0, 6.28, (len(y), 1, 1))
)
X = (X + rng.normal(0, 1.6, X.shape))[..., None].astype("float32")

model = Sequential(
    [
        Input((S, S, 1)),
        Conv2D(16, 5, activation="relu"),
        MaxPooling2D(),
        Conv2D(32, 3, activation="relu"),
        Flatten(),
        Dense(64, activation="relu"),
        Dense(K, activation="softmax"),
    ]
)
model.compile(
    optimizer=optimizers.Adam(1e-3),
    loss="sparse_categorical_crossentropy",
    metrics=["accuracy"],
)

results = []
for i, (tr, va) in enumerate(KFold(4, shuffle=True, random_state=1).split(X)):
    model.fit(X[tr], y[tr], epochs=6, batch_size=16, verbose=0, validation_data=(X[va], y[va]))
    results.append(model.evaluate(X[va], y[va], verbose=0)[1])
    print("fold", i, "accuracy", round(results[-1], 3), file=sys.stdout)
print("cross-validated accuracy", np.mean(results))
