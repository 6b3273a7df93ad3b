import tensorflow as tf

AUTOTUNE = tf.data.AUTOTUNE
names = tf.io.gfile.glob("images/*/*.jpg")


def decode(path, label, train):
    image = tf.io.decode_jpeg(tf.io.read_file(path), channels=3)
    image = tf.image.resize(image, [128, 128])
    if train:
        image = tf.image.random_flip_left_right(image)
    return image / 255.0, label


def pipeline(paths, labels, train):
    dataset = tf.data.Dataset.from_tensor_slices((paths, labels))
    if train:
        dataset = dataset.shuffle(len(paths))
    return (
        dataset.map(lambda p, y: decode(p, y, train), num_parallel_calls=AUTOTUNE)
        .batch(32)
        .prefetch(AUTOTUNE)
    )


labels = [int("dog" in name) for name in names]
cut = int(0.8 * len(names))
training = pipeline(names[:cut], labels[:cut], True)
validation = pipeline(names[cut:], labels[cut:], False)
model = tf.keras.Sequential(
    [
        tf.keras.layers.Conv2D(16, 3, activation="relu"),
        tf.keras.layers.GlobalAveragePooling2D(),
        tf.keras.layers.Dense(1, activation="sigmoid"),
    ]
)
model.compile("adam", tf.keras.losses.BinaryCrossentropy(), ["accuracy"])
model.fit(training, validation_data=validation, epochs=10)
