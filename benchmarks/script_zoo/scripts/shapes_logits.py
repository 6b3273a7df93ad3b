import sys, os
import tensorflow as tf
from tensorflow import keras

keras.utils.set_random_seed(1234)
root = sys.argv[1]

ds = {
    split: keras.utils.image_dataset_from_directory(
        os.path.join(root, split), image_size=(48, 48), batch_size=16, seed=1234
    )
    for split in ("train", "validation")
}
num_classes = len(ds["train"].class_names)

model = keras.Sequential(
    [
        keras.layers.Rescaling(1.0 / 255, input_shape=(48, 48, 3)),
        keras.layers.Conv2D(24, 3, activation="relu"),
        keras.layers.MaxPooling2D(),
        keras.layers.Conv2D(48, 3, activation="relu"),
        keras.layers.MaxPooling2D(),
        keras.layers.Conv2D(64, 3, activation="relu"),
        keras.layers.MaxPooling2D(),
        keras.layers.Flatten(),
        keras.layers.Dense(64, activation="relu"),
        keras.layers.Dense(num_classes),
    ]
)

model.compile(
    optimizer=tf.keras.optimizers.Adam(0.001),
    loss="sparse_categorical_crossentropy",
    metrics=["accuracy"],
)

hist = model.fit(ds["train"], validation_data=ds["validation"], epochs=5)
for e, (a, b) in enumerate(zip(hist.history["loss"], hist.history["val_loss"])):
    print(f"epoch {e}: {a:.3f} {b:.3f}")
