from keras.models import Sequential
from keras.layers import Conv2D, MaxPooling2D, Flatten, Dense, Activation
from keras.optimizers import SGD
import numpy as np

nb_classes = 3
nb_epoch = 5

X_train = np.random.rand(90, 16, 16, 1)
Y_train = np.eye(nb_classes)[np.random.randint(0, nb_classes, 90)]

model = Sequential()
model.add(Conv2D(8, (3, 3), padding='same', input_shape=(16, 16, 1)))
model.add(Activation('relu'))
model.add(MaxPooling2D(pool_size=(2, 2)))
model.add(Flatten())
model.add(Dense(nb_classes))
model.add(Activation('softmax'))

sgd = SGD(learning_rate=0.01, momentum=0.9, nesterov=True)
model.compile(loss='categorical_crossentropy', optimizer=sgd, metrics=['accuracy'])

def gen():
    while True:
        i = np.random.randint(0, 90, 30)
        yield X_train[i], Y_train[i]

model.fit_generator(gen(), steps_per_epoch=3, epochs=nb_epoch, verbose=1)
