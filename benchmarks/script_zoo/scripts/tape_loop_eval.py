import sys

import tensorflow as tf
from tensorflow import keras
from tensorflow.keras import layers

keras.utils.set_random_seed(61)


def get(split, shuffle):
    ds = keras.utils.image_dataset_from_directory(
        f"{sys.argv[1]}/{split}",
        image_size=(48, 48),
        batch_size=24,
        shuffle=shuffle,
        seed=61,
    )
    return ds.map(lambda a, b: (a / 127.5 - 1.0, b)).cache()


train, val = get("train", True), get("validation", False)

i = layers.Input((48, 48, 3))
x = i
for f in (16, 32, 64):
    x = layers.Conv2D(f, 3, padding="same", use_bias=False)(x)
    x = layers.BatchNormalization()(x)
    x = layers.Activation("relu")(x)
    x = layers.MaxPooling2D()(x)
x = layers.GlobalMaxPooling2D()(x)
o = layers.Dense(3)(x)
net = keras.Model(i, o)

opt = keras.optimizers.Adam(2e-3)
ce = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


@tf.function
def step(images, labels):
    with tf.GradientTape() as tape:
        out = net(images, training=True)
        loss = ce(labels, out)
    opt.apply_gradients(
        zip(tape.gradient(loss, net.trainable_variables), net.trainable_variables)
    )
    return loss, out


for epoch in range(5):
    hits = seen = 0
    for images, labels in train:
        loss, out = step(images, labels)
        hits += int(tf.reduce_sum(tf.cast(tf.argmax(out, 1, tf.int32) == labels, "int32")))
        seen += len(labels)
    good = total = 0
    for images, labels in val:
        out = net(images, training=True)
        good += int(tf.reduce_sum(tf.cast(tf.argmax(out, 1, tf.int32) == labels, "int32")))
        total += len(labels)
    print(f"{epoch}: train {hits / seen:.3f} val {good / total:.3f}")

good = sum(
    int(tf.reduce_sum(tf.cast(tf.argmax(net(a, training=False), 1, tf.int32) == b, "int32")))
    for a, b in val
)
print(f"deployed model: {good / total:.3f}")
