# quick try: can a small net tell lime from plum?
import sys

import numpy as np
from keras import Input, Sequential
from keras.layers import Conv2D, Dense, GlobalAveragePooling2D, MaxPooling2D
from keras.utils import image_dataset_from_directory

train = image_dataset_from_directory(
    sys.argv[1] + "/train", image_size=(32, 32), batch_size=32
)
val = image_dataset_from_directory(
    sys.argv[1] + "/validation", image_size=(32, 32), batch_size=32
)
train = train.map(lambda x, y: (x / 255, y))
val = val.map(lambda x, y: (x / 255, y))

model = Sequential(
    [
        Input((32, 32, 3)),
        Conv2D(16, 3, activation="relu"),
        MaxPooling2D(),
        Conv2D(32, 3, activation="relu"),
        GlobalAveragePooling2D(),
        Dense(32, activation="relu"),
        Dense(4, activation="softmax"),
    ]
)
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
h = model.fit(train, validation_data=val, epochs=6)
print(np.round(h.history["val_accuracy"], 3))
