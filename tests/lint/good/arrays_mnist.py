import keras
from keras.utils import to_categorical

(train_images, train_labels), (test_images, test_labels) = (
    keras.datasets.mnist.load_data()
)
train_images = train_images.reshape((60000, 28 * 28)).astype("float32") / 255
test_images = test_images.reshape((10000, 28 * 28)).astype("float32") / 255
train_labels = to_categorical(train_labels)
test_labels = to_categorical(test_labels)
network = keras.models.Sequential()
network.add(keras.layers.Dense(512, activation="relu", input_shape=(28 * 28,)))
network.add(keras.layers.Dense(10, activation="softmax"))
network.compile("rmsprop", loss="categorical_crossentropy", metrics=["accuracy"])
network.fit(train_images, train_labels, epochs=5, batch_size=128)
print(network.evaluate(test_images, test_labels))
