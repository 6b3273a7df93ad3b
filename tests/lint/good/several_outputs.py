import keras

inputs = keras.Input((64, 64, 3))
x = keras.layers.Conv2D(16, 3, activation="relu")(
    keras.layers.Rescaling(1 / 255)(inputs)
)
x = keras.layers.GlobalMaxPooling2D()(x)
kind = keras.layers.Dense(4, activation="softmax", name="kind")(x)
age = keras.layers.Dense(1, name="age")(x)
model = keras.Model(inputs, {"kind": kind, "age": age})
model.compile(
    "adam",
    {"kind": "sparse_categorical_crossentropy", "age": "mse"},
    metrics={"kind": ["accuracy"]},
)
from own_data import batches  # noqa: E402

stop = keras.callbacks.EarlyStopping(
    monitor="val_kind_accuracy", mode="max", patience=2
)
model.fit(batches("train"), validation_data=batches("val"), callbacks=[stop])
