import keras
import numpy as np

generator = keras.Sequential(
    [keras.layers.Dense(64, activation="relu"), keras.layers.Dense(784)]
)
judge = keras.Sequential(
    [
        keras.layers.Dense(64, activation="relu"),
        keras.layers.Dense(1, activation="sigmoid"),
    ]
)
judge.compile(keras.optimizers.Adam(2e-4), "binary_crossentropy")
judge.trainable = False
noise = keras.Input((16,))
both = keras.Model(noise, judge(generator(noise)))
both.compile(keras.optimizers.Adam(2e-4), "binary_crossentropy")
real = keras.datasets.mnist.load_data()[0][0].reshape(-1, 784) / 127.5 - 1
for _step in range(1000):
    fake = generator.predict(np.random.normal(size=(32, 16)), verbose=0)
    chosen = real[np.random.randint(0, len(real), 32)]
    judge.train_on_batch(np.concatenate([chosen, fake]), np.repeat([1.0, 0.0], 32))
    both.train_on_batch(np.random.normal(size=(32, 16)), np.ones(32))
