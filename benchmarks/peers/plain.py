"""The plain loop, as in the course's notes: torchvision's data set, ToTensor, DataLoader, Adam."""

from __future__ import annotations

import torch
from network import accuracy, fashion_mnist, network, parameters
from task import BATCH_SIZE, LEARNING_RATE, arguments, report
from torch import nn
from torch.utils.data import DataLoader

given = arguments()
torch.manual_seed(given.seed)
train, test = fashion_mnist(given.data, images=given.images)
train_loader = DataLoader(train, batch_size=BATCH_SIZE, shuffle=True)
test_loader = DataLoader(test, batch_size=BATCH_SIZE)

model = network()
loss_of = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=LEARNING_RATE)
for epoch in range(given.epochs):
    model.train()
    total = 0.0
    for images, labels in train_loader:
        optimizer.zero_grad()
        loss = loss_of(model(images), labels)
        loss.backward()
        optimizer.step()
        total += loss.item()
    print(f"epoch {epoch + 1}: loss {total / len(train_loader):.4f}")

file = given.out / "model.pt"
torch.save(model.state_dict(), file)
report(
    accuracy=accuracy(model, test_loader),
    parameters=parameters(model),
    train_images=len(train),
    test_images=len(test),
    packages=("torch", "torchvision"),
    model=file,
)
