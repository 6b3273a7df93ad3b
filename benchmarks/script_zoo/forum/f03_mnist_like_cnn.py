'''Trains a simple convnet on synthetic digits (drawn bars), gets to 99%.'''
from tensorflow import keras
from tensorflow.keras import layers
from tensorflow.keras.utils import to_categorical
import numpy as np

batch_size = 32
num_classes = 4
epochs = 6
img_rows, img_cols = 14, 14

rng = np.random.RandomState(7)

def bars(n):
    labels = rng.randint(0, num_classes, n)
    imgs = rng.randint(0, 90, (n, img_rows, img_cols)).astype("uint8")
    for img, lab in zip(imgs, labels):
        p = rng.randint(2, 11)
        if lab == 0: img[p:p+2, :] += 150
        elif lab == 1: img[:, p:p+2] += 150
        elif lab == 2: img[p:p+3, p:p+3] += 150
        else: np.fill_diagonal(img, 240)
    return imgs, labels

(x_train, y_train), (x_test, y_test) = bars(800), bars(200)

x_train = x_train.reshape(x_train.shape[0], img_rows, img_cols, 1)
x_test = x_test.reshape(x_test.shape[0], img_rows, img_cols, 1)
input_shape = (img_rows, img_cols, 1)

x_train = x_train.astype('float32')
x_test = x_test.astype('float32')
x_train /= 255
x_test /= 255
print('x_train shape:', x_train.shape)

y_train = to_categorical(y_train, num_classes)
y_test = to_categorical(y_test, num_classes)

keras.utils.set_random_seed(7)
model = keras.models.Sequential()
model.add(layers.Conv2D(16, kernel_size=(3, 3), activation='relu', input_shape=input_shape))
model.add(layers.Conv2D(16, (3, 3), activation='relu'))
model.add(layers.MaxPooling2D(pool_size=(2, 2)))
model.add(layers.Dropout(0.25))
model.add(layers.Flatten())
model.add(layers.Dense(32, activation='relu'))
model.add(layers.Dropout(0.25))
model.add(layers.Dense(num_classes, activation='softmax'))

model.compile(loss=keras.losses.categorical_crossentropy,
              optimizer=keras.optimizers.Adam(learning_rate=0.002),
              metrics=['accuracy'])

model.fit(x_train, y_train, batch_size=batch_size, epochs=epochs, verbose=2, validation_data=(x_test, y_test))
score = model.evaluate(x_test, y_test, verbose=0)
print('Test loss:', score[0])
print('Test accuracy:', score[1])
