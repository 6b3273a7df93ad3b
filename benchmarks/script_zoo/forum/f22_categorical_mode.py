import tensorflow as tf
from tensorflow.keras import layers, models

tf.keras.utils.set_random_seed(17)
train_ds = tf.keras.preprocessing.image_dataset_from_directory(
    "data/shapes/train", label_mode="categorical", image_size=(32, 32), batch_size=32)
val_ds = tf.keras.preprocessing.image_dataset_from_directory(
    "data/shapes/validation", label_mode="categorical", image_size=(32, 32), batch_size=32)

model = models.Sequential()
model.add(layers.Rescaling(1./255, input_shape=(32, 32, 3)))
model.add(layers.Conv2D(16, (3, 3), activation="relu"))
model.add(layers.MaxPooling2D((2, 2)))
model.add(layers.Flatten())
model.add(layers.Dense(3))
model.compile(optimizer="adam",
              loss=tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True),
              metrics=["accuracy"])
history = model.fit(train_ds, validation_data=val_ds, epochs=3, verbose=2)
