import numpy as np
from keras import layers, models, optimizers, utils
from keras.datasets import cifar10
from keras.preprocessing.image import ImageDataGenerator

(x_train, y_train), (x_test, y_test) = cifar10.load_data()
mean, std = np.mean(x_train, axis=(0, 1, 2, 3)), np.std(x_train, axis=(0, 1, 2, 3))
x_train = (x_train - mean) / (std + 1e-7)
x_test = (x_test - mean) / (std + 1e-7)
y_train = utils.to_categorical(y_train, 10)
y_test = utils.to_categorical(y_test, 10)
gen = ImageDataGenerator(
    width_shift_range=0.1, height_shift_range=0.1, horizontal_flip=True
)
model = models.Sequential()
for filters in [32, 64]:
    model.add(layers.Conv2D(filters, (3, 3), padding="same"))
    model.add(layers.BatchNormalization())
    model.add(layers.Activation("elu"))
    model.add(layers.MaxPooling2D())
model.add(layers.Flatten())
model.add(layers.Dense(10, activation="softmax"))
model.compile(
    optimizer=optimizers.RMSprop(learning_rate=0.001),
    loss="categorical_crossentropy",
    metrics=["accuracy"],
)
model.fit(
    gen.flow(x_train, y_train, batch_size=64),
    steps_per_epoch=x_train.shape[0] // 64,
    epochs=125,
    validation_data=(x_test, y_test),
)
