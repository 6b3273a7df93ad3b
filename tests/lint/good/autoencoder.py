import keras
from keras import layers

(x, _), (x_test, _) = keras.datasets.mnist.load_data()
x, x_test = (a.astype("float32")[..., None] / 255.0 for a in (x, x_test))
inputs = keras.Input((28, 28, 1))
code = layers.Conv2D(8, 3, strides=2, padding="same", activation="relu")(inputs)
outputs = layers.Conv2DTranspose(1, 3, strides=2, padding="same", activation="sigmoid")(
    code
)
model = keras.Model(inputs, outputs)
model.compile("adam", "binary_crossentropy")
model.fit(x, x, epochs=3, validation_data=(x_test, x_test))
