from tensorflow.keras.callbacks import ModelCheckpoint
from tensorflow.keras.layers import Conv2D, Dense, Dropout, Flatten, MaxPooling2D
from tensorflow.keras.models import Sequential
from tensorflow.keras.preprocessing.image import ImageDataGenerator

train_gen = ImageDataGenerator(
    rescale=1.0 / 255, rotation_range=30, zoom_range=0.2, horizontal_flip=True
)
plain_gen = ImageDataGenerator(rescale=1.0 / 255)
options = {"target_size": (128, 128), "batch_size": 20, "class_mode": "binary"}
train = train_gen.flow_from_directory("data/train", **options)
validation = plain_gen.flow_from_directory("data/valid", **options)
model = Sequential()
model.add(Conv2D(32, (3, 3), activation="relu", input_shape=(128, 128, 3)))
model.add(MaxPooling2D((2, 2)))
model.add(Flatten())
model.add(Dropout(0.5))
model.add(Dense(1, activation="sigmoid"))
model.compile(optimizer="rmsprop", loss="binary_crossentropy", metrics=["accuracy"])
best = ModelCheckpoint("best.keras", monitor="val_accuracy", save_best_only=True)
model.fit(train, epochs=30, validation_data=validation, callbacks=[best])
