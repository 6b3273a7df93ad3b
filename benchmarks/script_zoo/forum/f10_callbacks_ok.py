import pathlib
import tensorflow as tf
from tensorflow.keras import layers, callbacks

AUTOTUNE = tf.data.AUTOTUNE
SEED = 1337
tf.keras.utils.set_random_seed(SEED)
data_dir = pathlib.Path("data/shapes")
kw = dict(image_size=(32, 32), batch_size=32, seed=SEED)
train_ds = tf.keras.utils.image_dataset_from_directory(data_dir / "train", **kw)
val_ds = tf.keras.utils.image_dataset_from_directory(data_dir / "validation", shuffle=False, **kw)
class_names = train_ds.class_names
train_ds = train_ds.cache().shuffle(1000).prefetch(AUTOTUNE)
val_ds = val_ds.cache().prefetch(AUTOTUNE)

def build():
    inputs = tf.keras.Input(shape=(32, 32, 3))
    x = layers.Rescaling(1.0 / 255)(inputs)
    for f in (16, 32, 64):
        x = layers.Conv2D(f, 3, padding="same", use_bias=False)(x)
        x = layers.BatchNormalization(momentum=0.9)(x)
        x = layers.Activation("relu")(x)
        x = layers.MaxPooling2D()(x)
    x = layers.Flatten()(x)
    return tf.keras.Model(inputs, layers.Dense(len(class_names), activation="softmax")(x))

model = build()
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
cbs = [
    callbacks.EarlyStopping(monitor="val_loss", patience=4, restore_best_weights=True),
    callbacks.ReduceLROnPlateau(monitor="val_loss", factor=0.5, patience=2, min_lr=1e-5),
    callbacks.ModelCheckpoint("best.keras", monitor="val_accuracy", mode="max", save_best_only=True),
]
model.fit(train_ds, validation_data=val_ds, epochs=8, callbacks=cbs, verbose=2)
