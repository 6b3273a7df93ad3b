"""Digit classifier, the way the first tutorial does it."""
import keras
import numpy as np
from keras.utils import to_categorical
from sklearn.datasets import load_digits

keras.utils.set_random_seed(1)
digits = load_digits()
order = np.random.permutation(len(digits.target))
x = digits.images[order].astype("float32") / 16.0
y = to_categorical(digits.target[order], 10)
x = np.expand_dims(x, -1)
n = 1500
x_train, x_test, y_train, y_test = x[:n], x[n:], y[:n], y[n:]

model = keras.models.Sequential()
model.add(keras.layers.InputLayer(shape=(8, 8, 1)))
model.add(keras.layers.Conv2D(32, kernel_size=(3, 3), padding="same", activation="relu"))
model.add(keras.layers.MaxPooling2D(pool_size=(2, 2)))
model.add(keras.layers.Conv2D(64, (3, 3), padding="same", activation="relu"))
model.add(keras.layers.Dropout(0.25))
model.add(keras.layers.Flatten())
model.add(keras.layers.Dense(64, activation="relu"))
model.add(keras.layers.Dropout(0.5))
model.add(keras.layers.Dense(10, activation="softmax"))
model.compile(loss="categorical_crossentropy", optimizer="adam", metrics=["accuracy"])
hist = model.fit(x_train, y_train, batch_size=32, epochs=15, verbose=2, validation_split=0.15)
score = model.evaluate(x_test, y_test, verbose=0)
print("Test loss:", score[0])
print("Test accuracy:", score[1])
