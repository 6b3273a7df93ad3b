import keras
import numpy as np
from keras import layers, optimizers

keras.utils.set_random_seed(3)
# class 0 first, then class 1, then class 2
xs, ys = [], []
r = np.random.default_rng(3)
for c in range(3):
    block = r.normal(0, 0.3, (200, 12, 12, 3)).astype("float32")
    block[:, 2 + 3 * c:4 + 3 * c] += 1
    xs.append(block)
    ys.append(np.full(200, c))
X = np.concatenate(xs)
Y = np.concatenate(ys)
Xval = np.concatenate([b[:20] for b in xs]) + r.normal(0, .1, (60, 12, 12, 3))
Yval = np.repeat([0, 1, 2], 20)

net = keras.Sequential([
    keras.Input((12, 12, 3)),
    layers.Conv2D(16, 3), layers.BatchNormalization(), layers.ReLU(),
    layers.Flatten(), layers.Dense(3, activation="softmax"),
])
net.compile(optimizers.SGD(0.01), "sparse_categorical_crossentropy", metrics=["accuracy"])

batch_size = 25
n_batches = len(X) // batch_size
for epoch in range(5):
    losses = []
    for b in range(n_batches):
        xb = X[b * batch_size:(b + 1) * batch_size]
        yb = Y[b * batch_size:(b + 1) * batch_size]
        losses.append(net.train_on_batch(xb, yb)[0])
    val = net.evaluate(Xval, Yval, verbose=0)
    print(epoch, np.mean(losses), val)
