"""Keras 3 on its default backend, as in its example "Simple MNIST convnet": arrays and `fit`."""

from __future__ import annotations

import keras
import numpy as np
from keras import layers
from task import BATCH_SIZE, CLASSES, DROPOUT, LEARNING_RATE, arguments, arrays, report

given = arguments()
keras.utils.set_random_seed(given.seed)
(x_train, y_train), (x_test, y_test) = (arrays(given.data, part) for part in ("train", "t10k"))
x_train, y_train = x_train[: given.images], y_train[: given.images]
x_train, x_test = (np.expand_dims(x.astype("float32") / 255, -1) for x in (x_train, x_test))

model = keras.Sequential(
    [
        keras.Input(shape=(28, 28, 1)),
        layers.Conv2D(32, 3, padding="same"),
        layers.BatchNormalization(),
        layers.ReLU(),
        layers.MaxPooling2D(2),
        layers.Conv2D(64, 3),
        layers.BatchNormalization(),
        layers.ReLU(),
        layers.MaxPooling2D(2),
        layers.Flatten(),
        layers.Dense(600),
        layers.Dropout(DROPOUT),
        layers.Dense(120),
        layers.Dense(CLASSES),
    ]
)
model.compile(
    loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    optimizer=keras.optimizers.Adam(LEARNING_RATE),
    metrics=["accuracy"],
)
model.fit(x_train, y_train, batch_size=BATCH_SIZE, epochs=given.epochs, verbose=2)

file = given.out / "model.keras"
model.save(file)
_, right = model.evaluate(x_test, y_test, batch_size=BATCH_SIZE, verbose=0)
report(
    accuracy=float(right),
    parameters=sum(int(np.prod(w.shape)) for w in model.trainable_weights),
    train_images=len(x_train),
    test_images=len(x_test),
    packages=("keras", "tensorflow-cpu"),
    model=file,
)
