import keras
from keras.applications.resnet50 import ResNet50, preprocess_input
from tensorflow.keras.preprocessing.image import ImageDataGenerator

flow = dict(target_size=(224, 224), class_mode="categorical", batch_size=16)
train = ImageDataGenerator(
    preprocessing_function=preprocess_input, width_shift_range=0.1
).flow_from_directory("flowers/train", **flow)
valid = ImageDataGenerator(preprocessing_function=preprocess_input).flow_from_directory(
    "flowers/valid", shuffle=False, **flow
)
base = ResNet50(weights="imagenet", include_top=False, input_shape=(224, 224, 3))
for layer in base.layers:
    layer.trainable = False
top = keras.layers.GlobalAveragePooling2D()(base.output)
top = keras.layers.Dense(64, activation="relu")(top)
model = keras.Model(base.input, keras.layers.Dense(17, activation="softmax")(top))
model.compile("adam", loss="categorical_crossentropy", metrics=["acc"])
model.fit(
    train,
    validation_data=valid,
    epochs=8,
    callbacks=[
        keras.callbacks.ModelCheckpoint("m.keras", "val_acc", save_best_only=True)
    ],
)
