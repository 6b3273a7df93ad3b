import pathlib
import sys

import tensorflow as tf

SIZE, BATCH = 48, 16
tf.keras.utils.set_random_seed(77)
root = pathlib.Path(sys.argv[1])
names = sorted(p.name for p in (root / "train").iterdir() if p.is_dir())


def list_files(split):
    files, labels = [], []
    for i, name in enumerate(names):
        found = sorted(str(p) for p in (root / split / name).glob("*.png"))
        files += found
        labels += [i] * len(found)
    return files, labels


def decode(path, label):
    image = tf.io.decode_png(tf.io.read_file(path), channels=3)
    image = tf.image.resize(image, (SIZE, SIZE)) / 255.0
    return image, label


train_files, train_labels = list_files("train")
val_files, val_labels = list_files("validation")

train_ds = (
    tf.data.Dataset.from_tensor_slices((train_files, train_labels))
    .map(decode, num_parallel_calls=tf.data.AUTOTUNE)
    .cache()
    .shuffle(BATCH * 2)
    .batch(BATCH)
    .prefetch(tf.data.AUTOTUNE)
)
val_ds = (
    tf.data.Dataset.from_tensor_slices((val_files, val_labels)).map(decode).batch(BATCH)
)

model = tf.keras.Sequential(
    [
        tf.keras.Input((SIZE, SIZE, 3)),
        tf.keras.layers.Conv2D(24, 3, activation="relu"),
        tf.keras.layers.MaxPooling2D(),
        tf.keras.layers.Conv2D(48, 3, activation="relu"),
        tf.keras.layers.MaxPooling2D(),
        tf.keras.layers.Conv2D(64, 3, activation="relu"),
        tf.keras.layers.MaxPooling2D(),
        tf.keras.layers.Flatten(),
        tf.keras.layers.Dense(64, activation="relu"),
        tf.keras.layers.Dense(len(names), activation="softmax"),
    ]
)
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(train_ds, epochs=6, validation_data=val_ds)
