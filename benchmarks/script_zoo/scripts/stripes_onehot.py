import numpy as np
from tensorflow.keras import Input, Sequential
from tensorflow.keras.layers import Activation, Conv2D, Dense, Flatten, MaxPooling2D
from tensorflow.keras.utils import set_random_seed, to_categorical

set_random_seed(99)
np.random.seed(99)

N_CLASSES = 4
SIDE = 24


def sample(n):
    """Oriented gratings: 0, 45, 90 and 135 degrees."""
    y = np.random.randint(0, N_CLASSES, n)
    yy, xx = np.mgrid[:SIDE, :SIDE]
    X = np.zeros((n, SIDE, SIDE, 1), "float32")
    for i, c in enumerate(y):
        a = c * np.pi / 4
        f = np.random.uniform(0.6, 1.2)
        wave = np.sin(f * (np.cos(a) * xx + np.sin(a) * yy) + np.random.rand() * 6)
        X[i, ..., 0] = wave + np.random.randn(SIDE, SIDE) * 0.4
    return X, y


X_train, y_train = sample(1600)
X_val, y_val = sample(400)
# one-hot
Y_train = to_categorical(y_train, N_CLASSES)
Y_val = to_categorical(y_val, N_CLASSES)

model = Sequential()
model.add(Input((SIDE, SIDE, 1)))
model.add(Conv2D(16, (5, 5)))
model.add(Activation("relu"))
model.add(MaxPooling2D((2, 2)))
model.add(Conv2D(32, (3, 3)))
model.add(Activation("relu"))
model.add(Flatten())
model.add(Dense(N_CLASSES))
model.add(Activation("softmax"))
model.compile("adam", loss="categorical_crossentropy", metrics=["acc"])
model.fit(X_train, Y_train, validation_data=(X_val, Y_val), epochs=4, batch_size=32)
