import keras
import tensorflow as tf

images, labels = keras.datasets.fashion_mnist.load_data()[0]
images = images[..., None] / 255.0
data = tf.data.Dataset.from_tensor_slices((images, labels))
data = data.shuffle(60000, seed=3, reshuffle_each_iteration=False)
validation = data.take(10000).batch(256)
train = data.skip(10000).shuffle(50000).batch(256)
model = keras.Sequential(
    [
        keras.layers.Conv2D(16, 3),
        keras.layers.BatchNormalization(),
        keras.layers.ReLU(),
        keras.layers.Flatten(),
        keras.layers.Dense(10),
        keras.layers.Softmax(),
    ]
)
model.compile("nadam", "sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(train, validation_data=validation, epochs=6)
