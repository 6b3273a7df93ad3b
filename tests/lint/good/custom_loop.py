import keras
import tensorflow as tf

model = keras.Sequential(
    [keras.layers.Dense(32, activation="relu"), keras.layers.Dense(3)]
)
optimizer = keras.optimizers.Adam(1e-3)
loss_of = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
data = tf.data.Dataset.from_tensor_slices(
    (tf.random.normal((300, 8)), tf.random.uniform((300,), 0, 3, tf.int32))
).batch(30)


@tf.function
def step(x, y):
    with tf.GradientTape() as tape:
        loss = loss_of(y, model(x, training=True))
    gradients = tape.gradient(loss, model.trainable_variables)
    optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=False))
    return loss


for epoch in range(5):
    for x, y in data:
        loss = step(x, y)
    print(epoch, float(loss))
