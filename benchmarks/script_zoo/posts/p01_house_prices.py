# Tabular regression. The target is standardized on the training part only.
import keras
import numpy as np
from sklearn.model_selection import train_test_split

SEED = 7
keras.utils.set_random_seed(SEED)
rng = np.random.default_rng(SEED)
N = 2500
rooms = rng.integers(1, 8, N)
area = rooms * 18 + rng.normal(20, 12, N)
age = rng.uniform(0, 90, N)
dist = rng.exponential(6, N)
price = 40 + 2.1 * area - 0.5 * age - 3 * np.sqrt(dist) + rng.normal(0, 9, N)
X = np.stack([rooms, area, age, dist], axis=1).astype("float32")

X_tr, X_te, y_tr, y_te = train_test_split(X, price, test_size=0.2, random_state=SEED)
X_tr, X_va, y_tr, y_va = train_test_split(X_tr, y_tr, test_size=0.2, random_state=SEED)
mu, sd = y_tr.mean(), y_tr.std()

norm = keras.layers.Normalization()
norm.adapt(X_tr)
inp = keras.Input(shape=(4,))
h = norm(inp)
for units in (64, 64):
    h = keras.layers.Dense(units, activation="relu")(h)
out = keras.layers.Dense(1)(h)
net = keras.Model(inp, out)
net.compile(optimizer=keras.optimizers.Adam(3e-3), loss="mse", metrics=["mae"])
net.fit(
    X_tr,
    (y_tr - mu) / sd,
    validation_data=(X_va, (y_va - mu) / sd),
    epochs=25,
    batch_size=64,
    verbose=2,
    callbacks=[
        keras.callbacks.EarlyStopping(patience=6, restore_best_weights=True),
        keras.callbacks.ReduceLROnPlateau(factor=0.5, patience=3),
    ],
)
pred = net.predict(X_te, verbose=0)[:, 0] * sd + mu
print("test MAE %.2f" % np.abs(pred - y_te).mean())
