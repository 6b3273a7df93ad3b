import tensorflow as tf
from tensorflow.keras import Input, Model, layers


def block(x, filters):
    x = layers.Conv2D(filters, 3, padding="same")(x)
    x = layers.BatchNormalization()(x)
    return layers.ReLU()(x)


def unet(size, classes):
    inputs = Input((size, size, 3))
    skips, x = [], inputs
    for filters in (16, 32):
        x = block(x, filters)
        skips.append(x)
        x = layers.MaxPooling2D()(x)
    x = block(x, 64)
    for filters, skip in zip((32, 16), reversed(skips), strict=False):
        x = layers.UpSampling2D()(x)
        x = layers.Concatenate()([x, skip])
        x = block(x, filters)
    return Model(inputs, layers.Conv2D(classes, 1, activation="softmax")(x))


model = unet(128, 3)
model.compile(
    tf.keras.optimizers.Adam(1e-3), "sparse_categorical_crossentropy", ["accuracy"]
)
images = tf.random.uniform((8, 128, 128, 3))
masks = tf.random.uniform((8, 128, 128), 0, 3, tf.int32)
model.fit(images, masks, batch_size=8, epochs=100)
