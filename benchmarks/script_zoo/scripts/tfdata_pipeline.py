"""tf.data input pipeline with on-the-fly augmentation, small CNN with batch norm."""

import argparse
import pathlib

import tensorflow as tf
from tensorflow import keras

AUTOTUNE = tf.data.AUTOTUNE


def parse_args():
    p = argparse.ArgumentParser()
    p.add_argument("data_dir", type=pathlib.Path)
    p.add_argument("--image-size", type=int, default=48)
    p.add_argument("--batch-size", type=int, default=24)
    p.add_argument("--epochs", type=int, default=6)
    p.add_argument("--seed", type=int, default=0)
    return p.parse_args()


def index(folder):
    classes = sorted(d.name for d in folder.iterdir())
    pairs = [
        (str(f), i) for i, c in enumerate(classes) for f in (folder / c).glob("*.png")
    ]
    return [p for p, _ in pairs], [y for _, y in pairs], classes


def pipeline(paths, labels, args, training):
    def load(path, label):
        img = tf.io.decode_png(tf.io.read_file(path), channels=3)
        img = tf.image.resize(img, [args.image_size, args.image_size])
        return img / 255.0, label

    def augment(img, label):
        img = tf.image.random_flip_left_right(img)
        img = tf.image.random_brightness(img, 0.1)
        return img, label

    ds = tf.data.Dataset.from_tensor_slices((paths, labels))
    if training:
        ds = ds.shuffle(len(paths), seed=args.seed)
    ds = ds.map(load, num_parallel_calls=AUTOTUNE)
    if training:
        ds = ds.map(augment, num_parallel_calls=AUTOTUNE)
    return ds.batch(args.batch_size).prefetch(AUTOTUNE)


def conv_bn(x, filters):
    x = keras.layers.Conv2D(filters, 3, padding="same", use_bias=False)(x)
    x = keras.layers.BatchNormalization(momentum=0.9)(x)
    x = keras.layers.Activation("relu")(x)
    return keras.layers.MaxPooling2D()(x)


def main():
    args = parse_args()
    keras.utils.set_random_seed(args.seed)
    paths, labels, classes = index(args.data_dir / "train")
    train_ds = pipeline(paths, labels, args, training=True)
    val_paths, val_labels, _ = index(args.data_dir / "validation")
    val_ds = pipeline(val_paths, val_labels, args, training=False)

    inputs = keras.Input((args.image_size, args.image_size, 3))
    x = inputs
    for filters in (16, 32, 64):
        x = conv_bn(x, filters)
    x = keras.layers.GlobalMaxPooling2D()(x)
    x = keras.layers.Dropout(0.2)(x)
    outputs = keras.layers.Dense(len(classes))(x)
    model = keras.Model(inputs, outputs)
    model.compile(
        optimizer=keras.optimizers.Adam(2e-3),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=[keras.metrics.SparseCategoricalAccuracy(name="acc")],
    )
    model.fit(train_ds, validation_data=val_ds, epochs=args.epochs, verbose=2)


if __name__ == "__main__":
    main()
