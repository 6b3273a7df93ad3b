# custom training loop following the TF guide
import numpy as np
import tensorflow as tf
from tensorflow import keras
from tensorflow.keras import layers

keras.utils.set_random_seed(8)
r = np.random.default_rng(8)
y = r.integers(0, 2, 640)
x = r.normal(3, 2, (640, 12, 12, 1)).astype("float32")
x[y == 1, 4:8, 4:8] += 2
ds = tf.data.Dataset.from_tensor_slices((x[:512], y[:512])).shuffle(512).batch(32)
val = tf.data.Dataset.from_tensor_slices((x[512:], y[512:])).batch(32)

model = keras.Sequential([
    keras.Input((12, 12, 1)),
    layers.Conv2D(16, 3, use_bias=False),
    layers.BatchNormalization(),
    layers.ReLU(),
    layers.GlobalAveragePooling2D(),
    layers.Dropout(0.3),
    layers.Dense(2),
])
opt = keras.optimizers.Adam()
loss_fn = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
acc = keras.metrics.SparseCategoricalAccuracy()

@tf.function
def train_step(xb, yb):
    with tf.GradientTape() as tape:
        logits = model(xb)
        loss = loss_fn(yb, logits)
    g = tape.gradient(loss, model.trainable_weights)
    opt.apply_gradients(zip(g, model.trainable_weights))
    return loss

for epoch in range(4):
    for xb, yb in ds:
        loss = train_step(xb, yb)
    acc.reset_state()
    for xb, yb in val:
        acc.update_state(yb, model(xb, training=False))
    print("Epoch %d loss %.4f val_acc %.4f" % (epoch, float(loss), float(acc.result())))
