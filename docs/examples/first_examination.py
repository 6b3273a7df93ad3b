"""Why is validation at chance? A small network, examined after training.

python docs/examples/first_examination.py        # writes doctor.html, too
"""

import pathlib

import keras
import numpy as np

from kerasnorm import doctor, surgery

keras.utils.set_random_seed(0)
random = np.random.default_rng(0)
y = random.integers(0, 2, 1024)
x = random.normal(0.5, 0.25, (1024, 24, 24, 3))
x[y == 1, 8:16, 8:16] += 0.2  # class 1 has a bright square
train, validation = (x[:768], y[:768]), (x[768:], y[768:])

model = keras.Sequential(
    [
        keras.Input((24, 24, 3)),
        keras.layers.Conv2D(16, 3, strides=2, use_bias=False),
        keras.layers.BatchNormalization(momentum=0.999),
        keras.layers.Activation("relu"),
        keras.layers.Conv2D(32, 3, strides=2, use_bias=False),
        keras.layers.BatchNormalization(momentum=0.999),
        keras.layers.Activation("relu"),
        keras.layers.GlobalAveragePooling2D(),
        keras.layers.Dense(2, activation="softmax"),
    ]
)
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
history = model.fit(*train, validation_data=validation, epochs=6, verbose=2)

examination = doctor.examine(model, train, validation, history=history)
print(examination)
pathlib.Path("doctor.html").write_text(examination.to_html(), encoding="utf-8")

surgery.recalibrate_batch_norm(model, train)  # the remedy it names
print("after the remedy:", model.evaluate(*validation, verbose=0))
