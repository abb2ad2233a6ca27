# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
#   nunbit:
#     minutes: 6
#     quick_seconds: 14
# ---

# %% [markdown]
# # 05 · Digits with layers
#
# The first network that sees: two hidden layers read handwritten digits. We write the training loop
# out once, let the library do the same, look at the mistakes, and find out what such a network does
# not know about pictures.

# %%
import json

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from torch import nn

import nunbit
from nunbit_labs import Published, accuracies, open_lab, style

lab = open_lab("05_mlp_digits")

# %% [markdown]
# ## A picture is a list of numbers
#
# A grey picture of 28 × 28 pixels becomes a list of 784 numbers, row after row. A linear layer has
# a weight from each number to each of its units. The network `mlp-100` has two layers of 100 units
# with ReLU, and ten outputs, one for each digit.
#
# > **Predict first.** In which of its three layers are most of its weights?
#
# <details><summary>Answer</summary>
#
# In the first: $784 \cdot 100$ weights and 100 biases. The others have $101 \cdot 100$ and
# $101 \cdot 10$. What a network costs is often decided where the picture enters.
#
# </details>

# %%
network = nunbit.create_model("mlp-100", classes=10)
summary = nunbit.summarise(network, (1, 28, 28))
pd.DataFrame(
    [
        {
            "layer": layer.kind,
            "output": " × ".join(map(str, layer.output_shape)),
            "parameters": f"{layer.parameters:,}",
        }
        for layer in summary.layers
    ]
)

# %% tags=["hide-input"]
lab.compare(
    "mlp-100: parameters",
    sum(p.numel() for p in network.parameters()),
    Published(89_610, digits=0),
    comparable=True,
)

# %% [markdown]
# ## The loop, by hand
#
# The pictures here are 8 × 8, from scikit-learn: 1,797 real digits, so small that a training takes
# seconds. A round through the images is an epoch; a step is five lines.

# %%
data = nunbit.load_data("digits")
order = np.random.default_rng(0).permutation(len(data))
pictures = torch.tensor(data.samples.images.array[order, ..., 0] / 255, dtype=torch.float32)
labels = torch.tensor(np.asarray(data.samples.labels)[order])
TRAIN, TEST = slice(0, 1300), slice(1300, None)


def train(network, images, labels, *, seed, epochs, batch, rate):
    """Mean loss of each epoch; plain stochastic gradient descent."""
    generator = torch.Generator().manual_seed(seed)
    optimiser = torch.optim.SGD(network.parameters(), lr=rate)
    losses = []
    for _ in range(epochs):
        total = 0.0
        for rows in torch.randperm(len(images), generator=generator).split(batch):
            loss = F.cross_entropy(network(images[rows]), labels[rows])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            total += loss.item() * len(rows)  # the last batch may be smaller
        losses.append(total / len(images))
    return losses


def shares(network, images):
    """Probabilities [N, 10]."""
    with torch.no_grad():
        return torch.softmax(network(images), dim=1)


def accuracy(network, images, labels):
    return (shares(network, images).argmax(dim=1) == labels).float().mean().item()


def single_layer(seed, pixels):
    """One linear layer from the pixels to the ten classes."""
    layer = nn.Linear(pixels, 10)
    nn.init.xavier_uniform_(layer.weight, generator=torch.Generator().manual_seed(seed))
    nn.init.zeros_(layer.bias)
    return nn.Sequential(nn.Flatten(), layer)


def hidden_layers(seed, side=8):
    return nunbit.create_model("mlp-100", classes=10, height=side, width=side, generator_seed=seed)


# %% [markdown]
# > **Predict first.** A single layer without hidden units, against `mlp-100`: how many of a hundred
# > digits that it has never seen will each get right? Which has the lower loss on the images that
# > it has learned from?
#
# <details><summary>Answer</summary>
#
# Even the single layer gets most of them: it holds one weighted picture of each digit, and takes
# the one that fits best. The hidden layers fit the training images much more closely, and get some
# of those right that one weighted picture cannot.
#
# </details>


# %%
def learn_digits(seed, hidden, epochs):
    network = hidden_layers(seed) if hidden else single_layer(seed, 64)
    images = pictures[:, None]
    losses = train(
        network, images[TRAIN], labels[TRAIN], seed=seed, epochs=epochs, batch=20, rate=0.1
    )
    return {"losses": losses, "accuracy": accuracy(network, images[TEST], labels[TEST])}


seeds, epochs = lab.seeds(5), lab.pick(40, quick=8)
found = {
    name: lab.repeat(f"digits-{name}", learn_digits, seeds=seeds, hidden=hidden, epochs=epochs)
    for name, hidden in {"single layer": False, "mlp-100": True}.items()
}
rows = []
for name, runs in found.items():
    right = 100 * np.array([run["accuracy"] for run in runs])
    rows.append(
        {
            "network": name,
            "last training loss": f"{np.mean([run['losses'][-1] for run in runs]):.4f}",
            "test accuracy, %": f"{right.mean():.1f} ± {right.std(ddof=1):.1f}",
        }
    )
print(f"mean and deviation of {len(seeds)} seeds, on {len(labels[TEST])} images")
pd.DataFrame(rows)

# %% tags=["hide-input"]
figure, axes = lab.subplots(size=(6.5, 3.1))
for (name, runs), line in zip(found.items(), ["--", "-"], strict=True):
    losses = np.array([run["losses"] for run in runs])
    axes.plot(range(1, epochs + 1), losses.mean(axis=0), line, label=name)
    axes.fill_between(range(1, epochs + 1), losses.min(axis=0), losses.max(axis=0), alpha=0.15)
axes.set(xlabel="epoch", ylabel="training loss", yscale="log")
axes.legend()
lab.show(
    figure,
    description="Training loss by epoch: both fall; that of the network with hidden layers goes on "
    "falling where the single layer slows down.",
    caption="Mean over the seeds; the shade is their range.",
)

# %% [markdown]
# ## On MNIST, by the library
#
# MNIST is the classic set: 60,000 digits of 28 × 28 to learn from, 10,000 for testing. The notes
# train `mlp-100` with SGD, rate 0.1, batches of 100, for 15 epochs, and compare with a single
# layer. The library runs the same loop, and does the rest as well: it holds images back for
# validation, keeps the best epoch by them, and touches the test images once, at the end.

# %%
mnist = lab.data("mnist")
PLAIN = {
    "training.optimizer": "sgd",
    "training.momentum": 0.0,
    "training.weight_decay": 0.0,
    "training.schedule": "constant",
    "training.learning_rate": 0.1,
    "training.batch_size": 100,
    "pixels.scaling": "zero-one",
}


def train_single_layer(seed, source, epochs):
    """Test accuracy of the single layer on files of MNIST's format, with the loop above."""
    samples = nunbit.load_data(source).samples
    part = np.array([path.partition("/")[0] for path in samples.paths])
    images = torch.tensor(samples.images.array[..., 0] / 255, dtype=torch.float32)
    digits = torch.tensor(np.asarray(samples.labels))
    learned, tested = (torch.tensor(np.flatnonzero(part == name)) for name in ("train", "test"))
    layer = single_layer(seed, 28 * 28)
    train(layer, images[learned], digits[learned], seed=seed, epochs=epochs, batch=100, rate=0.1)
    return accuracy(layer, images[tested], digits[tested])


if mnist:
    epochs = lab.pick(15, quick=8)
    runs = lab.train(
        "mlp-100",
        mnist,
        seeds=lab.seeds(3),
        model="mlp-100",
        epochs=epochs,
        augment="none",
        settings=PLAIN,
    )
    single = lab.repeat(
        "single-layer", train_single_layer, seeds=lab.seeds(3), source=mnist.source, epochs=epochs
    )
print(mnist.why)

# %% tags=["hide-input"]
ACCURACY = Published(0.9725, digits=2, unit="%")
SINGLE = Published(0.89, digits=0, unit="%")
FIRST, LAST = Published(0.629, digits=3), Published(0.032, digits=3)
if mnist:
    histories = [
        [json.loads(line) for line in (run.folder / "metrics.jsonl").read_text().splitlines()]
        for run in runs
    ]
    lab.compare(
        "MNIST, mlp-100: accuracy",
        accuracies(runs),
        ACCURACY,
        goal="higher",
        images=runs[0].summary["n"]["test"],
        seconds=runs.seconds,
    )
    for name, row, published in (("first", 0, FIRST), ("last", -1, LAST)):
        lab.compare(
            f"MNIST, mlp-100: training loss, {name} epoch",
            [history[row]["train_loss"] for history in histories],
            published,
            goal="lower",
        )
    lab.compare(
        "MNIST, single layer: accuracy", list(single), SINGLE, goal="higher", seconds=single.seconds
    )
else:
    for what, published in (
        ("accuracy", ACCURACY),
        ("training loss, first epoch", FIRST),
        ("training loss, last epoch", LAST),
    ):
        lab.compare(f"MNIST, mlp-100: {what}", None, published, remark=mnist.why)
    lab.compare("MNIST, single layer: accuracy", None, SINGLE, remark=mnist.why)

# %% [markdown]
# ## Where it is wrong
#
# Back to the small digits, and to the pictures themselves. An accuracy says how often, but not
# what.
#
# > **Predict first.** Which two digits will be taken for each other most often? Will the network be
# > unsure where it is wrong?
#
# <details><summary>Answer</summary>
#
# Look below, and judge each picture for yourself: some would be hard for you, too. The title gives
# what the network said, the truth in brackets, and how sure it was. It is often quite sure where it
# is wrong: softmax compares the ten classes with each other, and has no way to say "none of them".
#
# </details>

# %%
shown = hidden_layers(seed=0)
train(
    shown,
    pictures[TRAIN, None],
    labels[TRAIN],
    seed=0,
    epochs=lab.pick(40, quick=8),
    batch=20,
    rate=0.1,
)
answers = shares(shown, pictures[TEST, None])
surest, said = answers.max(dim=1)
wrong = torch.nonzero(said != labels[TEST]).ravel()
wrong = wrong[surest[wrong].argsort(descending=True)]  # the surest first
print(f"{len(wrong)} of {len(said)} test images are wrong")

# %% tags=["hide-input"]
figure, axes = lab.subplots(2, 6, size=(9.4, 3.6))
for part, number in zip(axes.ravel(), wrong[:12].tolist(), strict=False):
    part.imshow(pictures[TEST][number].numpy(), vmin=0, vmax=1)
    part.set_title(
        f"{said[number]} ({labels[TEST][number]})  {100 * surest[number]:.0f} %", color=style.RED
    )
for part in axes.ravel():
    part.set(xticks=[], yticks=[])
    part.grid(False)
    part.set_visible(bool(part.images))
lab.show(
    figure,
    description="Test digits that the network gets wrong, with what it said, the truth, and how "
    "sure it was.",
    caption="Said (true), and how sure; the surest mistakes first.",
)

# %% tags=["hide-input"]
counts = np.zeros((10, 10), dtype=int)
np.add.at(counts, (labels[TEST].numpy(), said.numpy()), 1)
pairs = counts - np.diag(np.diag(counts))
figure, axes = lab.subplots(size=(4.8, 4.2))
axes.imshow(pairs, cmap=style.BLUE_ORANGE, vmin=-2 * pairs.max(), vmax=2 * pairs.max())
for true, guess in zip(*np.nonzero(pairs), strict=True):
    axes.text(guess, true, pairs[true, guess], ha="center", va="center", color="#101010")
axes.set(xlabel="said", ylabel="true", xticks=range(10), yticks=range(10))
axes.grid(False)
lab.show(
    figure,
    description="A table of ten by ten with the number of mistakes for each pair of true and said "
    "digit; most fields are empty.",
    caption="Mistakes alone; right answers are left out.",
)

# %% [markdown]
# ## What it does not know about pictures
#
# We throw all pixels about, in the same way for each picture, and train from the beginning.
#
# > **Predict first.** You could not read a single digit any more. What happens to the network?
#
# <details><summary>Answer</summary>
#
# Nothing, but for chance. To a linear layer the pixels are a list, and no pixel is next to another.
# The first weights are random, so another order of the list is as good as this one. It never uses
# that neighbours belong together. Convolutions (lab 07) do, and that is what they are for.
#
# </details>

# %%
SCRAMBLE = torch.randperm(64, generator=torch.Generator().manual_seed(1))


def learn_scrambled(seed, epochs):
    images = pictures.reshape(-1, 64)[:, SCRAMBLE].reshape(-1, 1, 8, 8)
    network = hidden_layers(seed)
    train(network, images[TRAIN], labels[TRAIN], seed=seed, epochs=epochs, batch=20, rate=0.1)
    return accuracy(network, images[TEST], labels[TEST])


scrambled = lab.repeat("scrambled", learn_scrambled, seeds=seeds, epochs=lab.pick(40, quick=8))
both = {
    "as they are": [run["accuracy"] for run in found["mlp-100"]],
    "thrown about": list(scrambled),
}
pd.DataFrame(
    [
        {
            "pixels": name,
            "test accuracy, %": f"{100 * np.mean(a):.1f} ± {100 * np.std(a, ddof=1):.1f}",
        }
        for name, a in both.items()
    ]
)

# %% tags=["hide-input"]
figure, axes = lab.subplots(2, 6, size=(8, 2.9))
for column in range(6):
    axes[0, column].imshow(pictures[column].numpy(), vmin=0, vmax=1)
    thrown = pictures[column].ravel()[SCRAMBLE].reshape(8, 8)
    axes[1, column].imshow(thrown.numpy(), vmin=0, vmax=1)
    axes[0, column].set_title(str(labels[column].item()))
for part in axes.ravel():
    part.set(xticks=[], yticks=[])
    part.grid(False)
lab.show(
    figure,
    description="Six digits, and below each the same pixels in another order: noise to the eye.",
    caption="Above: as they are. Below: the same pixels, thrown about.",
)

# %% [markdown]
# ## Exercises
#
# `nunbit lab 05 --solution` shows worked solutions.
#
# **1. Counting.** How many weights and biases has a network for 28 × 28 pixels with hidden layers
# of 64 and 128 units and ten outputs?

# %% exercise="count"
parameters = None


# %% tags=["hide-input"]
def is_count(number):
    network = nunbit.create_model("mlp-64-128", classes=10)
    wanted = sum(p.numel() for p in network.parameters())
    assert number == wanted, "each unit has a weight for each input, and a bias"


lab.check("count", parameters, is_count)

# %% [markdown]
# **2. Two layers in one.** Without ReLU between them, two linear layers are worth no more than one.
# Give that one: write a function that makes weights and bias of the single layer from those of the
# two, for $y = W_2\,(W_1 x + b_1) + b_2$.

# %% exercise="merge"
merge = None  # a function: def merge(w1, b1, w2, b2): return w, b


# %% tags=["hide-input"]
def is_merged(function):
    random = np.random.default_rng(0)
    w1, b1 = random.normal(size=(5, 4)), random.normal(size=5)
    w2, b2 = random.normal(size=(3, 5)), random.normal(size=3)
    w, b = function(w1, b1, w2, b2)
    x = random.normal(size=4)
    assert np.shape(w) == (3, 4), f"the weights should be [3, 4], not {list(np.shape(w))}"
    assert np.allclose(w @ x + b, w2 @ (w1 @ x + b1) + b2), "the outputs differ"


lab.check("merge", merge, is_merged)

# %% [markdown]
# **3. Steps.** The notes train on 60,000 images in batches of 100, for 15 epochs. How often does
# each weight move? And how often would it have moved with full batches?

# %% exercise="steps"
steps = None  # two numbers


# %% tags=["hide-input"]
def is_number_of_steps(numbers):
    few, full = numbers
    assert few == 15 * len(torch.arange(60_000).split(100)), "one step for each batch"
    assert full == 15 * len(torch.arange(60_000).split(60_000)), "how many batches are there?"


lab.check("steps", steps, is_number_of_steps)
