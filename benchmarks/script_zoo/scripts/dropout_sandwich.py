import numpy as np
import keras
from keras.models import Sequential
from keras.layers import BatchNormalization, Conv2D, Dense, Dropout, Flatten, Activation, MaxPooling2D

keras.utils.set_random_seed(13)
np.random.seed(13)


def get_xy(n):
    labels = np.random.randint(0, 6, n)
    yy, xx = np.mgrid[:24, :24]
    ims = []
    for k in labels:
        th = k * np.pi / 6
        w = np.random.uniform(0.6, 1.2)
        ims.append(np.sin(w * (xx * np.cos(th) + yy * np.sin(th)) + np.random.uniform(0, 6)) + np.random.normal(0, 0.5, (24, 24)))
    return np.array(ims)[..., None].astype("float32"), labels


X, Y = get_xy(1600)
Xv, Yv = get_xy(300)

model = Sequential()
model.add(keras.Input((24, 24, 1)))
model.add(Conv2D(16, (5, 5)))
model.add(Activation("relu"))
model.add(MaxPooling2D())
model.add(Conv2D(32, (3, 3)))
model.add(Activation("relu"))
model.add(Flatten())
model.add(Dropout(0.6))
model.add(Dense(64))
model.add(Activation("relu"))
model.add(Dropout(0.6))
model.add(BatchNormalization(momentum=0.9))
model.add(Dense(6, activation="softmax"))
model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(X, Y, epochs=5, batch_size=32, validation_data=(Xv, Yv))
