import keras
import numpy as np
from keras import layers

keras.utils.set_random_seed(31)
rng = np.random.default_rng(31)
basis = rng.normal(size=(4, 64))
def sample(n):
    z = rng.uniform(0, 1, (n, 4)) @ basis
    return (1 / (1 + np.exp(-z))).astype("float32")
x_train, x_test = sample(1000), sample(200)

encoding_dim = 8
input_img = keras.Input(shape=(64,))
encoded = layers.Dense(encoding_dim, activation='relu')(input_img)
decoded = layers.Dense(64, activation='sigmoid')(encoded)
autoencoder = keras.Model(input_img, decoded)
encoder = keras.Model(input_img, encoded)
autoencoder.compile(optimizer='adam', loss='binary_crossentropy')
autoencoder.fit(x_train, x_train, epochs=20, batch_size=32, shuffle=True,
                validation_data=(x_test, x_test), verbose=2)
