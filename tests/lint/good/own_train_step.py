import keras


class Distilled(keras.Model):
    def __init__(self, student, teacher):
        super().__init__()
        self.student, self.teacher = student, teacher
        self.teacher.trainable = False

    def call(self, x, training=None):
        return self.student(x, training=training)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, **options):
        hard = super().compute_loss(x, y, y_pred, sample_weight)
        soft = keras.losses.kl_divergence(self.teacher(x, training=False), y_pred)
        return hard + keras.ops.mean(soft)


def small():
    return keras.Sequential([keras.layers.Dense(10, activation="softmax")])


teacher = keras.models.load_model("teacher.keras")
model = Distilled(small(), teacher)
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
(x, y), _ = keras.datasets.mnist.load_data()
stop = keras.callbacks.EarlyStopping(monitor="val_student_loss")
model.fit(x.reshape(-1, 784) / 255, y, validation_split=0.1, callbacks=[stop])
