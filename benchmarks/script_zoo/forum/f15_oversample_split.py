import numpy as np
import keras
from keras import layers
from sklearn.model_selection import train_test_split

keras.utils.set_random_seed(6)
rng = np.random.default_rng(6)
X0 = rng.normal(0, 1, (500, 16, 16, 1)).astype("float32")
X1 = rng.normal(0.15, 1, (60, 16, 16, 1)).astype("float32")

# dataset is imbalanced -> oversample the defects
X1 = np.repeat(X1, 8, axis=0)
X = np.concatenate([X0, X1])
y = np.concatenate([np.zeros(len(X0)), np.ones(len(X1))])

X_train, X_val, y_train, y_val = train_test_split(X, y, test_size=0.2, random_state=42)

model = keras.Sequential([
    layers.Input((16, 16, 1)),
    layers.Conv2D(16, 3, activation="relu"),
    layers.Flatten(),
    layers.Dense(32, activation="relu"),
    layers.Dense(1, activation="sigmoid"),
])
model.compile(optimizer="adam", loss="binary_crossentropy", metrics=["accuracy"])
model.fit(X_train, y_train, epochs=10, batch_size=32, validation_data=(X_val, y_val), verbose=2)
