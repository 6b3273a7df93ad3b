"""The ways from image files to training batches that `image_pipeline` measures."""

import pathlib

SIZE = (150, 150)
BATCH = 32
# The walkthrough that everybody knows; Keras' layers and ours take the same ranges.
WALKTHROUGH = {
    "rotation_range": 40,
    "width_shift_range": 0.2,
    "height_shift_range": 0.2,
    "shear_range": 0.2,
    "zoom_range": 0.2,
    "horizontal_flip": True,
    "fill_mode": "nearest",
}


def legacy(directory):
    """Keras' ImageDataGenerator."""
    from tensorflow.keras.preprocessing.image import ImageDataGenerator

    flow = ImageDataGenerator(**WALKTHROUGH).flow_from_directory(
        directory, target_size=SIZE, batch_size=BATCH
    )
    return lambda: (flow[index] for index in range(len(flow)))


def keras_layers(directory):
    """Keras' Random* layers over image_dataset_from_directory."""
    import keras
    import tensorflow as tf

    data = keras.utils.image_dataset_from_directory(
        directory, image_size=SIZE, batch_size=BATCH, verbose=False
    )
    layers = [
        keras.layers.RandomFlip("horizontal"),
        keras.layers.RandomRotation(40 / 360, "nearest"),
        keras.layers.RandomTranslation(0.2, 0.2, "nearest"),
        keras.layers.RandomShear(0.0035, 0.0, fill_mode="nearest"),
        keras.layers.RandomZoom(0.2, 0.2, "nearest"),
    ]

    def vary(images, labels):
        for layer in layers:
            images = layer(images, training=True)
        return images, labels

    data = data.map(vary, num_parallel_calls=tf.data.AUTOTUNE)
    return lambda: iter(data.prefetch(tf.data.AUTOTUNE))


def generator(directory, **options):
    """Our ImageDataGenerator's pipeline."""
    from kerasnorm.data import ImageDataGenerator

    flow = ImageDataGenerator(**WALKTHROUGH, **options).flow_from_directory(
        directory, target_size=SIZE, batch_size=BATCH
    )
    data = flow.as_dataset()
    return lambda: iter(data)


def generator_uncached(directory):
    """Our ImageDataGenerator's pipeline without a cache."""
    return generator(directory, cache="none")


def engine(directory):
    """What the apps use: load_images, then training_batches."""
    from kerasnorm.data import (
        Augmentation,
        index_directory,
        load_images,
        training_batches,
    )

    images = load_images(index_directory(directory), SIZE)
    data = iter(training_batches(images, BATCH, Augmentation(**WALKTHROUGH)))
    return lambda: (next(data) for _ in range(len(images) // BATCH))


def files_of(directory):
    """Return the paths of the JPEG files below a folder, in order."""
    return [str(path) for path in sorted(pathlib.Path(directory).rglob("*.jpg"))]


def decoded(directory, scale, finish):
    """TensorFlow's decode_jpeg at 1 / scale, and `finish` for each image."""
    import tensorflow as tf

    def decode(path):
        content = tf.io.read_file(path)
        return finish(tf.io.decode_jpeg(content, channels=3, ratio=scale))

    data = tf.data.Dataset.from_tensor_slices(files_of(directory))
    data = data.map(decode, num_parallel_calls=tf.data.AUTOTUNE).batch(BATCH)
    return lambda: iter(data.prefetch(tf.data.AUTOTUNE))


def decode_only(directory):
    """TensorFlow's decode_jpeg alone: no resizing, no batches of images."""
    import tensorflow as tf

    return decoded(directory, 1, tf.shape)


def decode_nearest(directory):
    """The images that the generator caches, by TensorFlow's operations alone."""
    import tensorflow as tf

    return decoded(directory, 1, lambda image: tf.image.resize(image, SIZE, "nearest"))


def decode_smooth(directory):
    """The images that the apps cache, by TensorFlow's operations alone.

    Half the size covers 150 pixels for photos of 300 to 599 pixels, the usual ones.
    """
    import tensorflow as tf

    def scaled(image):
        image = tf.image.resize(image, SIZE, "bilinear", antialias=True)
        return tf.cast(tf.round(image), tf.uint8)

    return decoded(directory, 2, scaled)


# Name of the row: its maker, and which epochs are counted.
ROWS = {
    "legacy class": (legacy, "first"),
    "Keras Random* layers": (keras_layers, "first"),
    "ours, first epoch": (generator, "first"),
    "ours, later epochs": (generator, "later"),
    "ours, no cache": (generator_uncached, "later"),
    "ours, apps: first epoch": (engine, "made and first"),
    "ours, apps: later epochs": (engine, "later"),
    "decode only": (decode_only, "first"),
    "decode, nearest": (decode_nearest, "first"),
    "decode half, antialiased": (decode_smooth, "first"),
}
