"""skorch, as in its notebook on MNIST: arrays and scikit-learn's `fit`; all images train."""

from __future__ import annotations

import numpy as np
import torch
from network import network, parameters
from skorch import NeuralNetClassifier
from task import BATCH_SIZE, LEARNING_RATE, arguments, arrays, report
from torch import nn

given = arguments()
torch.manual_seed(given.seed)
(x_train, y_train), (x_test, y_test) = (arrays(given.data, part) for part in ("train", "t10k"))
x_train, y_train = x_train[: given.images], y_train[: given.images]
x_train, x_test = (x[:, None].astype(np.float32) / 255 for x in (x_train, x_test))

net = NeuralNetClassifier(
    network,
    criterion=nn.CrossEntropyLoss,
    optimizer=torch.optim.Adam,
    lr=LEARNING_RATE,
    batch_size=BATCH_SIZE,
    max_epochs=given.epochs,
    iterator_train__shuffle=True,
    train_split=None,
)
net.fit(x_train, y_train)

file = given.out / "model.pt"
net.save_params(f_params=file)
report(
    accuracy=float((net.predict(x_test) == y_test).mean()),
    parameters=parameters(net.module_),
    train_images=len(x_train),
    test_images=len(x_test),
    packages=("skorch", "torch"),
    model=file,
)
