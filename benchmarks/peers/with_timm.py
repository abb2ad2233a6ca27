"""timm's parts, put together as its training script does.

The script itself, train.py, lies in timm's repository alone and not in the package. What it is made
of does: data set, loader (with workers, prefetching and normalising), optimiser, schedule, loss.
"""

from __future__ import annotations

import torch
from network import accuracy, network, parameters
from task import BATCH_SIZE, LEARNING_RATE, arguments, report
from timm.data import create_dataset, create_loader
from timm.optim import create_optimizer_v2
from timm.scheduler import create_scheduler_v2
from timm.utils import AverageMeter, random_seed
from torch import nn

given = arguments()
random_seed(given.seed)
device = torch.device("cpu")
train, test = (
    create_dataset("torch/fashion_mnist", root=str(given.data), split=split)
    for split in ("train", "validation")
)
common = {
    "input_size": (1, 28, 28),
    "batch_size": BATCH_SIZE,
    "mean": (0.0,),
    "std": (1.0,),
    "device": device,
    "use_prefetcher": True,
    "num_workers": 4,  # the script's own default
}
if given.images is not None:
    train.data, train.targets = train.data[: given.images], train.targets[: given.images]
train_loader = create_loader(train, is_training=True, no_aug=True, **common)
test_loader = create_loader(test, is_training=False, crop_pct=1.0, **common)

model = network()
loss_of = nn.CrossEntropyLoss()
optimizer = create_optimizer_v2(model, opt="adam", lr=LEARNING_RATE, weight_decay=0.0)
updates = len(train_loader)
scheduler, epochs = create_scheduler_v2(
    optimizer, sched="cosine", num_epochs=given.epochs, warmup_epochs=0, updates_per_epoch=updates
)
for epoch in range(epochs):
    model.train()
    losses = AverageMeter()
    for images, labels in train_loader:
        loss = loss_of(model(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.update(loss.item(), images.size(0))
    scheduler.step(epoch + 1)
    print(f"epoch {epoch + 1}: loss {losses.avg:.4f}")

file = given.out / "model.pt"
torch.save(model.state_dict(), file)
report(
    accuracy=accuracy(model, test_loader),
    parameters=parameters(model),
    train_images=len(train_loader.dataset),
    test_images=len(test_loader.dataset),
    packages=("timm", "torch", "torchvision"),
    model=file,
)
