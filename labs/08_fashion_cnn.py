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
#     minutes: 27
#     quick_seconds: 18
# ---

# %% [markdown]
# # 08 · A convolutional network on Fashion-MNIST
#
# Lab 06 classified clothes with fully connected layers, which do not know which pixels are
# neighbours. Here the network begins with two convolutions. How much does that bring, where does
# it still go wrong, and is it really the neighbourhood that makes the difference?

# %%
import json

import numpy as np
import pandas as pd
import torch
from torch import nn

import nunbit
from nunbit_labs import Published, accuracies, open_lab, style

lab = open_lab("08_fashion_cnn")
data = lab.data("fashion-mnist")
print(data.why)

# %% [markdown]
# ## The network
#
# `fashion-cnn`: a 3 × 3 convolution to 32 maps, another to 64, each with batch normalisation, ReLU
# and a pooling that halves the maps. Then three fully connected layers.
#
# > **Predict first.** The pictures measure 28 × 28. The first convolution has a padding of 1, the
# > second none. How many numbers go into the first fully connected layer? In which layer do most of
# > the weights lie?
#
# <details><summary>Answer</summary>
#
# 28 stays 28, halved 14; without padding 12, halved 6. So $64 \cdot 6 \cdot 6 = 2304$ numbers. Each
# of the 600 units of the first fully connected layer has a weight for every one of them: nearly all
# weights lie there.
#
# </details>

# %%
network = nunbit.create_model("fashion-cnn", classes=10)
summary = nunbit.summarise(network, (1, 28, 28))
pd.DataFrame(
    [
        {
            "layer": layer.kind,
            "output": " × ".join(map(str, layer.output_shape)),
            "parameters": f"{layer.parameters:,}",
            "multiplications": f"{layer.multiply_adds:,}",
        }
        for layer in summary.layers
    ]
)

# %% tags=["hide-input"]
lab.compare(
    "fashion-cnn: parameters",
    summary.parameters,
    Published(1_475_338, "the course's table of layers", digits=0),
    comparable=True,
)

# %% [markdown]
# ## Train it as the notes do
#
# Adam with a learning rate of 0.001, batches of 100, five epochs, pixels scaled to 0..1. The notes
# trained on all 60,000 images; the library puts some of them aside for validation, so that nothing
# is ever chosen on the test images.

# %%
AS_THE_NOTES = {
    "training.optimizer": "adam",
    "training.learning_rate": 1e-3,
    "training.schedule": "constant",
    "training.weight_decay": 0.0,
    "training.batch_size": 100,
    "pixels.scaling": "zero-one",
    "checkpoint.deploy": "last",
}
epochs = lab.pick(5, quick=4)


def train(key, source, model, *, seeds, **more):
    """A run for each seed with the notes' settings."""
    return lab.train(
        key,
        source,
        seeds=seeds,
        model=model,
        epochs=epochs,
        augment="none",
        settings={**AS_THE_NOTES, **more},
    )


runs = {}
if data:
    runs["CNN"] = train("cnn", data, "fashion-cnn", seeds=lab.seeds(3))

# %% tags=["hide-input"]
published = Published(0.9012, digits=2, unit="%")
if data:
    n = runs["CNN"][0].summary["n"]
    print(f"{n['train']:,} images to train, {n['validation']:,} to validate, {n['test']:,} to test")
    lab.compare(
        "Fashion-MNIST, fashion-cnn",
        accuracies(runs["CNN"]),
        published,
        goal="higher",
        images=n["test"],
        seconds=runs["CNN"].seconds,
        remark=f"learned from {n['train']:,} images; the others are for validation",
    )
else:
    lab.compare("Fashion-MNIST, fashion-cnn", None, published, remark=data.why)

# %% tags=["hide-input"]
if data:
    figure, (left, right) = lab.subplots(1, 2, size=(9.4, 3.2))
    for number, run in enumerate(runs["CNN"]):
        lines = (run.folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
        curves = pd.DataFrame([json.loads(line) for line in lines])
        for part, name in ((left, "loss"), (right, "accuracy")):
            for kind, colour, line in (
                ("train", style.BLUE, "o-"),
                ("validation", style.ORANGE, "s--"),
            ):
                label = kind if number == 0 else None
                values = curves[f"{kind}_{name}"]
                part.plot(curves["epoch"], values, line, color=colour, label=label, alpha=0.8)
            part.set(title=name, xlabel="epoch", xticks=curves["epoch"])
    left.legend()
    lab.show(
        figure,
        description="Loss and accuracy in each epoch, one line for each seed, on the training and "
        "on the validation images.",
        caption="In an epoch, the network is still learning while its training numbers are taken.",
    )

# %% [markdown]
# ## A better five epochs
#
# The network and the number of epochs stay the same. The library's recipe `fashion-cnn` changes how
# it is trained, and several things at once: a learning rate that rises and then falls to zero (one
# cycle), weight decay, pixels with mean 0 and standard deviation 1, and images that are mirrored
# at random (augmentation, which lab 12 takes by itself). Of the five epochs it keeps the one that
# is best on the validation images, or the latest of those that are as good.
#
# > **Predict first.** Is that worth more or less than the difference between two seeds?
#
# <details><summary>Answer</summary>
#
# With a constant rate the last steps are as large as the first, and the network ends wherever it
# happens to be; when the rate falls to zero, it settles. That takes no step more. Whether all of it
# together is worth more than another seed, the ranges below tell: do they overlap? And which of the
# changes it was, this comparison cannot tell: they would have to be made one by one. (A quick run
# has little data and a single seed, and can tell nothing.)
#
# </details>

# %%
if data:
    runs["CNN, recipe"] = lab.train(
        "recipe", data, seeds=lab.seeds(3, quick=1), recipe="fashion-cnn", epochs=epochs
    )


def summary_of(found):
    """One row: mean and range over the seeds."""
    shares = [100 * share for share in accuracies(found)]
    return {
        "seeds": len(found),
        "accuracy, %": f"{np.mean(shares):.2f}",
        "range": f"{min(shares):.2f} to {max(shares):.2f}",
        "parameters": f"{found[0].summary['parameters']:,}",
        "seconds a run": f"{found.seconds / len(found):.0f}",
    }


pd.DataFrame([{"": name, **summary_of(found)} for name, found in runs.items()])

# %% [markdown]
# ## Where it goes wrong
#
# > **Predict first.** T-shirt, trouser, pullover, dress, coat, sandal, shirt, sneaker, bag, ankle
# > boot. Which class is hardest? With which others is it mixed up? Which are nearly always right?
#
# <details><summary>Answer</summary>
#
# The shirt: in grey and 28 × 28 pixels it is easily a T-shirt, a pullover or a coat. Trousers and
# bags look like nothing else, and shoes are mixed up almost only with other shoes. (A quick run has
# learned too little to show this.)
#
# </details>

# %%
if data:
    samples = nunbit.load_data(data.source).samples
    predictions = [
        pd.read_csv(run.folder / "predictions.csv").assign(seed=run.summary["seed"])
        for run in runs["CNN"]
    ]
    answers = pd.concat(predictions)
    classes = runs["CNN"][0].summary["classes"]
    confused = pd.crosstab(answers["label"], answers["predicted"], normalize="index")
    confused = confused.reindex(index=classes, columns=classes, fill_value=0.0)

# %% tags=["hide-input"]
if data:
    figure, axes = lab.subplots(size=(6.6, 5.8))
    axes.imshow(confused, cmap=style.BLUE_ORANGE, vmin=-1, vmax=1)
    for (i, j), share in np.ndenumerate(confused.to_numpy()):
        if round(100 * share) >= 1:
            colour = style.PAPER if share > 0.6 else style.INK
            axes.text(j, i, f"{100 * share:.0f}", ha="center", va="center", color=colour)
    axes.set(
        xticks=range(10), yticks=range(10), yticklabels=classes, xlabel="predicted", ylabel="true"
    )
    axes.set_xticklabels(classes, rotation=45, ha="right")
    axes.grid(False)
    lab.show(
        figure,
        description="A table of true against predicted classes in percent. What is right lies on "
        "the diagonal.",
        caption=f"Percent of each true class, mean of {len(runs['CNN'])} seeds.",
    )

# %% [markdown]
# The test images of which the first seed was most certain, and wrong. Would you have known?

# %% tags=["hide-input"]
if data:
    place = {path: index for index, path in enumerate(samples.paths)}
    first = answers[answers["seed"] == 0]
    wrong = first[first["label"] != first["predicted"]].nlargest(10, "confidence")
    right = first[first["label"] == first["predicted"]].nlargest(5, "confidence")
    figure, axes = lab.subplots(3, 5, size=(8.6, 5.8))
    for part in axes.flat:
        part.axis("off")
    for part, row in zip(axes.flat, pd.concat([right, wrong]).itertuples(), strict=False):
        part.imshow(samples.images.array[place[row.path]].squeeze(), vmin=0, vmax=255)
        part.set_title(
            f"{row.predicted} ({row.label})",
            fontsize=8.5,
            color=style.GREEN if row.label == row.predicted else style.RED,
        )
    lab.show(
        figure,
        description="Fifteen pieces of clothing with what the network said and the true class in "
        "brackets: five that are right, then ten that are wrong.",
        caption="Predicted (true). First row: right, in green. Then: wrong, in red.",
    )

# %% [markdown]
# ## Is it the neighbourhood?
#
# The convolutional network has six times as many weights as that of lab 06. Perhaps that is all?
# Here is a test. Draw one random order of the 784 pixels, and shuffle every image, for training and
# for testing, in this same order. Nothing is lost: every pixel is still there, always at the same
# new place. But neighbours no longer belong together.
#
# > **Predict first.** What does that do to the fully connected network `fashion-dnn`? What does it
# > do to `fashion-cnn`?
#
# <details><summary>Answer</summary>
#
# To the fully connected one nothing, beyond the chance of other first weights: for it, the order of
# the pixels is nothing but the numbering of its inputs. The convolutions lose what they are made
# for. What the network still knows, it owes to its fully connected layers. A convolution is a bet
# that neighbours belong together and that what is worth seeing here is worth seeing there.
#
# </details>

# %%
order = np.random.default_rng(0).permutation(28 * 28)


def shuffled_pixels(images):
    """Images [N, 28, 28, C] with their pixels in the new order."""
    return images.reshape(len(images), 28 * 28, -1)[:, order].reshape(images.shape)


def write_shuffled(samples, path):
    """A file of arrays that the library reads, with the same training and test images."""
    part = np.array([name.partition("/")[0] for name in samples.paths])
    arrays = {"class_names": np.array(samples.classes)}
    for name in ("train", "test"):
        arrays[f"x_{name}"] = shuffled_pixels(samples.images.array[part == name])
        arrays[f"y_{name}"] = samples.labels[part == name]
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".part.npz")
    np.savez(unfinished, **arrays)
    unfinished.replace(path)  # the name appears when the file is whole


if data:
    path = lab.folder / "data" / f"shuffled-{data.kind}.npz"
    if not path.exists():
        write_shuffled(samples, path)
    few = lab.seeds(3, quick=1)
    dropout = {"model.dropout": [0.25, 0.0]}
    runs["CNN, shuffled"] = train("cnn-shuffled", path, "fashion-cnn", seeds=few)
    runs["DNN"] = train("dnn", data, "fashion-dnn", seeds=few, **dropout)
    runs["DNN, shuffled"] = train("dnn-shuffled", path, "fashion-dnn", seeds=few, **dropout)

compared = ["CNN", "CNN, shuffled", "DNN", "DNN, shuffled"]
for name, found in runs.items():
    if name != "CNN":  # that one stands beside the notes' number, above
        lab.record(
            f"Fashion-MNIST, {epochs} epochs: {name}",
            accuracies(found),
            digits=2,
            images=found[0].summary["n"]["test"],
            seconds=found.seconds,
        )
pd.DataFrame([{"": name, **summary_of(runs[name])} for name in compared if name in runs])

# %% tags=["hide-input"]
if data:
    figure, (left, right) = lab.subplots(1, 2, size=(9.4, 2.9), width_ratios=[4, 5])
    pixels = samples.images.array[:3]
    joined = np.concatenate([*pixels, *shuffled_pixels(pixels)], axis=1).reshape(28, 2, 84)
    left.imshow(joined.transpose(1, 0, 2).reshape(56, 84), vmin=0, vmax=255)
    left.set(title="as they are, and shuffled", xticks=[], yticks=[])
    left.grid(False)
    for row, name in enumerate(compared):
        shares = [100 * share for share in accuracies(runs[name])]
        colour = style.ORANGE if "shuffled" in name else style.BLUE
        right.barh(row, np.mean(shares), color=colour, alpha=0.5)
        right.plot(shares, [row] * len(shares), "o", color=style.INK, markersize=4)
    every = [share for name in compared for share in accuracies(runs[name])]
    right.set(
        xlim=(max(0, 100 * min(every) - 4), 100 * max(every) + 1),
        yticks=range(4),
        yticklabels=compared,
        xlabel="test accuracy, %",
    )
    right.invert_yaxis()
    lab.show(
        figure,
        description="Left three pictures of clothes, and below them the same as noise. Right the "
        "accuracy of both networks on both.",
        caption="Bars: mean of the seeds, which are the dots. The axis does not begin at zero.",
    )

# %% [markdown]
# ## Exercises
#
# `nunbit lab 08 --solution` shows worked solutions.
#
# **1. Another size.** How many numbers would go into the first fully connected layer of
# `fashion-cnn` if the images measured 32 × 32?

# %% exercise="inputs"
inputs = None


# %% tags=["hide-input"]
def is_inputs(number):
    larger = nunbit.create_model("fashion-cnn", classes=10, height=32, width=32)
    wanted = next(m.in_features for m in larger.modules() if isinstance(m, nn.Linear))
    assert number == wanted, "padding 1, halve, no padding, halve; then count all 64 maps"


lab.check("inputs", inputs, is_inputs)

# %% [markdown]
# **2. Three layers or one?** No activation stands between the three fully connected layers of
# `fashion-cnn`. While it predicts, when dropout is off, they could be one. Write a function that
# takes the weights $W_1, W_2, W_3$ (each outputs × inputs) and biases $b_1, b_2, b_3$ and gives
# weights and bias of that one layer.

# %% exercise="collapse"
collapse = None  # a function: def collapse(weights, biases): return weight, bias


# %% tags=["hide-input"]
def is_collapse(function):
    model = nunbit.create_model("fashion-cnn", classes=10, generator_seed=0).double().eval()
    layers = [module for module in model.modules() if isinstance(module, nn.Linear)]
    with torch.no_grad():
        given = torch.randn(4, 2304, dtype=torch.float64, generator=torch.manual_seed(0))
        wanted = layers[2](layers[1](layers[0](given)))
        weight, bias = function([m.weight for m in layers], [m.bias for m in layers])
        assert tuple(weight.shape) == (10, 2304), f"the weights have shape {tuple(weight.shape)}"
        worst = (given @ weight.T + bias - wanted).abs().max().item()
    assert worst < 1e-9, f"its outputs are off by up to {worst:.2g}"


lab.check("collapse", collapse, is_collapse)

# %% [markdown]
# **3. How sure is the number?** An accuracy of 0.9 was measured on 10,000 test images. How many
# percentage points to each side does its 95 % interval reach? (The standard deviation of a share
# $p$ of $n$ images is $\sqrt{p (1 - p) / n}$; take 1.96 of them.)

# %% exercise="interval"
points = None


# %% tags=["hide-input"]
def is_interval(value):
    wanted = 100 * 1.96 * np.sqrt(0.9 * 0.1 / 10_000)
    assert abs(value - wanted) < 0.01, "in points: times 100"


lab.check("interval", points, is_interval)
