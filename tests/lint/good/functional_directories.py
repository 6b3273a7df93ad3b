import keras
from keras import layers

SIZE = (180, 180)
keras.utils.set_random_seed(1)
train, validation = keras.utils.image_dataset_from_directory(
    "photos", validation_split=0.2, subset="both", seed=7, image_size=SIZE
)
inputs = keras.Input((*SIZE, 3))
x = layers.RandomFlip("horizontal")(inputs)
x = layers.Rescaling(1.0 / 255)(x)
for filters in (32, 64, 128):
    x = layers.Conv2D(filters, 3, padding="same", use_bias=False)(x)
    x = layers.BatchNormalization()(x)
    x = layers.Activation("relu")(x)
    x = layers.MaxPooling2D()(x)
x = layers.GlobalAveragePooling2D()(x)
x = layers.Dropout(0.5)(x)
outputs = layers.Dense(1)(x)
model = keras.Model(inputs, outputs)
model.compile(
    keras.optimizers.Adam(3e-4),
    keras.losses.BinaryCrossentropy(from_logits=True),
    metrics=[keras.metrics.BinaryAccuracy(name="acc", threshold=0.0)],
)
model.fit(
    train,
    epochs=20,
    validation_data=validation,
    callbacks=[keras.callbacks.EarlyStopping("val_acc", patience=4, mode="max")],
)
