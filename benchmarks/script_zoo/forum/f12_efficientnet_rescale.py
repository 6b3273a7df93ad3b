import tensorflow as tf
from tensorflow import keras

keras.utils.set_random_seed(9)
train = keras.utils.image_dataset_from_directory("data/fruit/train", image_size=(32, 32), batch_size=16, label_mode="categorical")
val = keras.utils.image_dataset_from_directory("data/fruit/validation", image_size=(32, 32), batch_size=16, label_mode="categorical")

# normalise to 0..1
norm = lambda x, y: (x / 255.0, y)
train = train.map(norm)
val = val.map(norm)

backbone = keras.applications.EfficientNetB0(include_top=False, weights=None, input_shape=(32, 32, 3), pooling="avg")
backbone.trainable = True
model = keras.Sequential([backbone, keras.layers.Dropout(0.2), keras.layers.Dense(4, activation="softmax")])
model.compile(keras.optimizers.Adam(1e-3), "categorical_crossentropy", ["accuracy"])
model.fit(train, epochs=2, validation_data=val, verbose=2)
