import keras
import numpy as np
from sklearn.model_selection import KFold
from sklearn.preprocessing import StandardScaler

x, y = np.load("features.npy"), np.load("targets.npy")


def build():
    model = keras.Sequential(
        [keras.layers.Dense(16, activation="relu"), keras.layers.Dense(1)]
    )
    model.compile("rmsprop", "mse", metrics=["mae"])
    return model


scores = []
for train, test in KFold(5, shuffle=True, random_state=0).split(x):
    scaler = StandardScaler()
    x_train, x_test = scaler.fit_transform(x[train]), scaler.transform(x[test])
    model = build()
    model.fit(
        x_train, y[train], validation_data=(x_test, y[test]), epochs=20, verbose=0
    )
    scores.append(model.evaluate(x_test, y[test], verbose=0)[1])
print(np.mean(scores))
