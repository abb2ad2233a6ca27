"""fastai, as in its tutorial "Pure PyTorch to fastai": two loaders, a Learner, `fit_one_cycle`."""

from __future__ import annotations

from fastai.vision.all import Adam, DataLoaders, Learner, accuracy, set_seed
from network import fashion_mnist, network, parameters
from task import BATCH_SIZE, LEARNING_RATE, arguments, report
from torch import nn
from torch.utils.data import DataLoader

given = arguments()
set_seed(given.seed)
train, test = fashion_mnist(given.data, images=given.images)
data = DataLoaders(
    DataLoader(train, batch_size=BATCH_SIZE, shuffle=True),
    DataLoader(test, batch_size=BATCH_SIZE),
)
learn = Learner(
    data,
    network(),
    loss_func=nn.CrossEntropyLoss(),
    opt_func=Adam,
    metrics=accuracy,
    path=given.out,
)
learn.fit_one_cycle(given.epochs, LEARNING_RATE)

file = learn.save("model")
report(
    accuracy=float(learn.recorder.values[-1][-1]),  # it measures after each epoch
    parameters=parameters(learn.model),
    train_images=len(train),
    test_images=len(test),
    packages=("fastai", "torch", "torchvision"),
    model=file,
)
