"""Lightning, as in its introduction: a LightningModule, a DataLoader and a Trainer."""

from __future__ import annotations

import lightning
import torch
from network import accuracy, fashion_mnist, network, parameters
from task import BATCH_SIZE, LEARNING_RATE, arguments, report
from torch import Tensor
from torch.nn import functional as F
from torch.utils.data import DataLoader


class Classifier(lightning.LightningModule):
    """The network with its loss and its optimiser."""

    def __init__(self) -> None:
        super().__init__()
        self.model = network()

    def training_step(self, batch: tuple[Tensor, Tensor]) -> Tensor:
        """The loss of a batch."""
        images, labels = batch
        loss = F.cross_entropy(self.model(images), labels)
        self.log("train_loss", loss)
        return loss

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Adam."""
        return torch.optim.Adam(self.parameters(), lr=LEARNING_RATE)


given = arguments()
lightning.seed_everything(given.seed)
train, test = fashion_mnist(given.data, images=given.images)
classifier = Classifier()
trainer = lightning.Trainer(max_epochs=given.epochs, default_root_dir=given.out)
trainer.fit(classifier, DataLoader(train, batch_size=BATCH_SIZE, shuffle=True))

file = given.out / "model.ckpt"
trainer.save_checkpoint(file)
report(
    accuracy=accuracy(classifier.model, DataLoader(test, batch_size=BATCH_SIZE)),
    parameters=parameters(classifier),
    train_images=len(train),
    test_images=len(test),
    packages=("lightning", "torch", "torchvision"),
    model=file,
)
