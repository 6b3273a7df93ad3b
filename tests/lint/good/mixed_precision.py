import keras

keras.mixed_precision.set_global_policy("mixed_float16")
keras.utils.set_random_seed(11)
base = keras.applications.EfficientNetV2B0(include_top=False, pooling="avg")
base.trainable = False
model = keras.Sequential(
    [
        keras.Input((224, 224, 3)),
        base,
        keras.layers.Dense(6),
        keras.layers.Activation("softmax", dtype="float32"),
    ]
)
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
train = keras.utils.image_dataset_from_directory("garbage/train", image_size=(224, 224))
val = keras.utils.image_dataset_from_directory("garbage/val", image_size=(224, 224))
model.fit(train, validation_data=val, epochs=4)
