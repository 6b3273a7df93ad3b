# step 1 head, step 2 fine tune, like in the tutorial
import numpy as np
import keras
from keras import layers

keras.utils.set_random_seed(2)
rng = np.random.default_rng(2)
n = 480
lab = rng.integers(0, 3, n)
img = rng.uniform(0, 1, (n, 20, 20, 3)).astype("float32") * .5
for k in range(n):
    img[k, 4 + 5 * lab[k]:7 + 5 * lab[k], :, lab[k]] += .6
tr, va = slice(0, 384), slice(384, None)

base_model = keras.applications.MobileNetV2(include_top=False, weights=None, input_shape=(32, 32, 3), alpha=0.35)
base_model.trainable = False

inputs = keras.Input((20, 20, 3))
x = layers.Resizing(32, 32)(inputs)
x = base_model(x, training=False)
x = layers.GlobalAveragePooling2D()(x)
outputs = layers.Dense(3, activation="softmax")(x)
model = keras.Model(inputs, outputs)
model.compile(optimizer=keras.optimizers.Adam(1e-3), loss="sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(img[tr], lab[tr], epochs=3, validation_data=(img[va], lab[va]), verbose=2)

# fine tuning
base_model.trainable = True
for layer in base_model.layers[:-20]:
    layer.trainable = False
print("trainable:", len(model.trainable_variables))
model.fit(img[tr], lab[tr], epochs=3, validation_data=(img[va], lab[va]), verbose=2)
