"""Binary classifier for a folder with train/ and validation/, binary class_mode."""

import sys

import tensorflow as tf
from tensorflow.keras.preprocessing.image import ImageDataGenerator

tf.keras.utils.set_random_seed(4)

path = sys.argv[1]
pair = ["circle", "triangle"]
aug = ImageDataGenerator(
    rescale=1.0 / 255, horizontal_flip=True, width_shift_range=0.05
)
plain = ImageDataGenerator(rescale=1.0 / 255)
train = aug.flow_from_directory(
    path + "/train", (48, 48), classes=pair, class_mode="binary", batch_size=16
)
val = plain.flow_from_directory(
    path + "/validation",
    (48, 48),
    classes=pair,
    class_mode="binary",
    batch_size=16,
    shuffle=False,
)


class Net(tf.keras.Model):
    def __init__(self):
        super().__init__()
        self.convs = [
            tf.keras.layers.Conv2D(f, 3, activation="relu") for f in (24, 48, 64)
        ]
        self.pool = tf.keras.layers.MaxPooling2D()
        self.flat = tf.keras.layers.Flatten()
        self.drop = tf.keras.layers.Dropout(0.2)
        self.fc = tf.keras.layers.Dense(64, activation="relu")
        self.out = tf.keras.layers.Dense(1, activation="sigmoid")

    def call(self, x, training=False):
        for conv in self.convs:
            x = self.pool(conv(x))
        x = self.drop(self.fc(self.flat(x)), training=training)
        return self.out(x)


net = Net()
net.compile(
    optimizer=tf.keras.optimizers.Adam(2e-3),
    loss=tf.keras.losses.BinaryCrossentropy(),
    metrics=["accuracy", tf.keras.metrics.AUC(name="auc")],
)
stop = tf.keras.callbacks.EarlyStopping(
    monitor="val_auc", mode="max", patience=3, restore_best_weights=True
)
net.fit(train, validation_data=val, epochs=6, callbacks=[stop])
