import tensorflow as tf
from tensorflow import keras

train = keras.utils.image_dataset_from_directory("a/train", image_size=(160, 160))
val = keras.utils.image_dataset_from_directory("a/val", image_size=(160, 160))
base = keras.applications.MobileNetV2(
    input_shape=(160, 160, 3), include_top=False, weights="imagenet"
)
base.trainable = False
inputs = tf.keras.Input((160, 160, 3))
x = keras.applications.mobilenet_v2.preprocess_input(inputs)
x = base(x, training=False)
x = keras.layers.GlobalAveragePooling2D()(x)
outputs = keras.layers.Dense(1, activation="sigmoid")(keras.layers.Dropout(0.2)(x))
model = keras.Model(inputs, outputs)
model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
model.fit(train, validation_data=val, epochs=5)

base.trainable = True
for layer in base.layers:
    if isinstance(layer, keras.layers.BatchNormalization):
        layer.trainable = False
for layer in base.layers[:100]:
    layer.trainable = False
model.compile(keras.optimizers.Adam(1e-5), "binary_crossentropy", metrics=["accuracy"])
model.fit(train, validation_data=val, epochs=10, initial_epoch=5)
