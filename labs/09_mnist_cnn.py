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
#     minutes: 12
#     quick_seconds: 15
# ---

# %% [markdown]
# # 09 · A small network for handwritten digits
#
# The network of this lab has less than a sixtieth of the weights of that of lab 08, and throws half
# of its values away while it learns. We look at its order of layers, at what dropout does to maps,
# and at what that does to the curves of training.

# %%
import json

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from torch import nn

import nunbit
from nunbit_labs import Published, accuracies, open_lab, style

lab = open_lab("09_mnist_cnn")
data = lab.data("mnist")
print(data.why)

# %% [markdown]
# ## The network
#
# `mnist-cnn`: a 5 × 5 convolution to 10 maps and one to 20, each with a pooling, then 50 units and
# 10. One thing is unusual: the ReLU comes after the pooling.
#
# > **Predict first.** Does it matter whether ReLU or max pooling comes first? To the result? To the
# > work?
#
# <details><summary>Answer</summary>
#
# Not to the result. ReLU never turns the order of two numbers round, so the largest of four is the
# largest before and after. But behind the pooling it has a quarter of the numbers to look at. With
# average pooling it would matter.
#
# </details>

# %%
network = nunbit.create_model("mnist-cnn", classes=10)
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

# %%
maps = torch.randn(8, 10, 24, 24, generator=torch.Generator().manual_seed(0))
for name, pool in {"largest": F.max_pool2d, "average": F.avg_pool2d}.items():
    gap = (F.relu(pool(maps, 2)) - pool(F.relu(maps), 2)).abs().max().item()
    print(f"{name} of four: the two orders differ by up to {gap:.2g}")

# %% tags=["hide-input"]
lab.compare(
    "mnist-cnn: parameters",
    summary.parameters,
    Published(21_840, "the course's table of layers", digits=0),
    comparable=True,
)

# %% [markdown]
# ## Throwing away half
#
# While a network learns, dropout sets each value to zero with probability $p$, and divides the
# others by $1 - p$, so that the sum stays the same on average. While it predicts, dropout does
# nothing. The reason: no unit can rely on a certain other one being there.
#
# Behind the second convolution of `mnist-cnn`, though, whole maps are dropped, not single values.
#
# > **Predict first.** Why? What could a network do when single pixels of a map are missing?
#
# <details><summary>Answer</summary>
#
# Read them off their neighbours, which are nearly the same. And the pooling takes the largest of
# four, which is often among those that are left. Dropping a whole map really takes something away:
# whatever this one kernel was looking for. It is also called spatial dropout (Tompson et al.,
# 2015). The numbers below say how alike the pooled maps are before and after: 1 is the same.
#
# </details>

# %%
digits = nunbit.load_data("digits").samples.images.array  # scikit-learn's, uint8 [N, 8, 8, 1]
digit = torch.tensor(digits[0].squeeze() / 255.0).float()
larger = F.interpolate(digit[None, None], size=(28, 28), mode="bilinear")
generator = torch.Generator().manual_seed(0)
kernels = torch.randn(6, 1, 5, 5, generator=generator)
kernels -= kernels.mean(dim=(2, 3), keepdim=True)  # what is even gives nothing
maps = F.conv2d(larger, kernels).clamp(min=0)  # [1, 6, 24, 24]

torch.manual_seed(3)
versions = {
    "all values": maps,
    "single values dropped": nn.Dropout(0.5)(maps),
    "whole maps dropped": nn.Dropout2d(0.5)(maps),
}


def pooled_likeness(dropped):
    """How alike are the maps after pooling, before and after dropping? Correlation of each map."""
    pairs = zip(F.max_pool2d(maps, 2)[0], F.max_pool2d(dropped, 2)[0], strict=True)
    return [
        float(np.corrcoef(a.flatten(), b.flatten())[0, 1]) if b.any() else None for a, b in pairs
    ]


for name, dropped in versions.items():
    likeness = [f"{one:.2f}" if one is not None else "gone" for one in pooled_likeness(dropped)]
    print(f"{name:>22}: {', '.join(likeness)}")

# %% tags=["hide-input"]
figure, axes = lab.subplots(3, 6, size=(8.8, 4.9))
for row, (name, shown) in zip(axes, versions.items(), strict=True):
    for part, one, whole in zip(row, shown[0], maps[0], strict=True):
        part.imshow(one.numpy(), vmin=0, vmax=2 * whole.max().item())
        part.set(xticks=[], yticks=[])
        part.grid(False)
    row[0].set_title(name)
lab.show(
    figure,
    description="Six maps of a digit, in three rows: whole; with half of the pixels black, the "
    "digit still visible in each; with some maps entirely black and the others brighter.",
    caption="Six random kernels on the digit 0. What is left is twice as bright.",
)

# %% [markdown]
# ## The curves
#
# > **Predict first.** As a rule a network does better on images that it has learned from than on
# > others. What will the two curves of `mnist-cnn` look like, epoch by epoch?
#
# <details><summary>Answer</summary>
#
# The other way round, for a long time: the accuracy on training images is counted while the network
# learns, with half of its maps and units missing. On validation images all of them are there. So
# the two curves cannot be compared where there is dropout, and a gap of this kind is not a sign
# that something is wrong. Without dropout little of it is left, in the first epochs: validation
# comes at the end of an epoch, and by then the network knows more than it did on average during it.
#
# </details>
#
# We look at scikit-learn's 8 × 8 digits, enlarged, of which there are few; they come with the
# library and learn in seconds. Settings as below for MNIST: SGD, learning rate 0.01, momentum 0.5,
# batches of 64.

# %%
AS_THE_NOTES = {
    "training.optimizer": "sgd",
    "training.learning_rate": 0.01,
    "training.momentum": 0.5,
    "training.schedule": "constant",
    "training.weight_decay": 0.0,
    "training.batch_size": 64,
    "checkpoint.deploy": "last",
}
ways = {"with dropout": [0.5, 0.5], "without": [0.0, 0.0]}
small = {
    name: lab.train(
        "digits",
        "digits",
        seeds=lab.seeds(5, quick=1),
        model="mnist-cnn",
        image_size=28,
        epochs=lab.pick(60, quick=12),
        augment="none",
        settings={**AS_THE_NOTES, "model.dropout": dropout},
    )
    for name, dropout in ways.items()
}


def curves_of(run):
    """One row for each epoch."""
    lines = (run.folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    return pd.DataFrame([json.loads(line) for line in lines])


def summary_of(found):
    shares = [100 * share for share in accuracies(found)]
    last = [100 * curves_of(run)["train_accuracy"].iloc[-1] for run in found]
    return {
        "seeds": len(found),
        "training accuracy in the last epoch, %": f"{np.mean(last):.1f}",
        "test accuracy, %": f"{np.mean(shares):.1f}",
        "range": f"{min(shares):.1f} to {max(shares):.1f}",
    }


pd.DataFrame([{"": name, **summary_of(found)} for name, found in small.items()])


# %% tags=["hide-input"]
def draw_curves(parts, found):
    for part, (name, runs) in zip(parts, found.items(), strict=True):
        for number, run in enumerate(runs):
            curves = curves_of(run)
            for kind, colour, line in (
                ("train", style.BLUE, "-"),
                ("validation", style.ORANGE, "--"),
            ):
                part.plot(
                    curves["epoch"],
                    100 * curves[f"{kind}_accuracy"],
                    line,
                    color=colour,
                    alpha=0.8,
                    linewidth=1.3,
                    label=kind if number == 0 else None,
                )
        part.set(title=name, xlabel="epoch")
    parts[0].set_ylabel("accuracy, %")
    parts[0].legend(loc="lower right")


figure, axes = lab.subplots(1, 2, size=(9.4, 3.3), sharey=True)
draw_curves(axes, small)
lab.show(
    figure,
    description="Accuracy by epoch, on training images and on validation images, with dropout and "
    "without.",
    caption="A line for each seed, on scikit-learn's digits.",
)

# %% [markdown]
# Did dropout help here? Hold the difference of the two test accuracies against the ranges, and
# remember that the test images are a few hundred, so that one of them already counts for some
# tenths of a percent. Dropout makes learning slower, too, and what it is good for may not show in
# so few steps. Ask again with more epochs and more images before you believe either answer.

# %% [markdown]
# ## MNIST
#
# The notes trained for 40 epochs on 60,000 images and tested on 10,000. Where MNIST is neither on
# this computer nor can be downloaded, the table says "not run here". A quick run takes a few
# images; or, in files of the same format, the digits from above.

# %%
found = None
if data:
    found = lab.train(
        "mnist",
        data,
        seeds=lab.seeds(3, quick=1),
        model="mnist-cnn",
        epochs=lab.pick(40, quick=8),
        augment="none",
        settings=AS_THE_NOTES,
    )

# %% tags=["hide-input"]
published = {
    "MNIST, mnist-cnn, against the lower of the notes' numbers": 0.9902,
    "MNIST, mnist-cnn, against the higher": 0.9915,
}
for what, value in published.items():
    lab.compare(
        what,
        accuracies(found) if found else None,
        Published(value, digits=2, unit="%"),
        goal="higher",
        images=found[0].summary["n"]["test"] if found else None,
        seconds=found.seconds if found else None,
        remark="" if found else data.why,
    )

# %% tags=["hide-input"]
if found:
    figure, axes = lab.subplots(size=(5.6, 3.2))
    draw_curves([axes], {"with dropout": found})
    lab.show(
        figure,
        description="Accuracy by epoch on training and validation images.",
        caption=f"A line for each seed. Data: {data.why}.",
    )
    samples = nunbit.load_data(data.source).samples
    place = {path: index for index, path in enumerate(samples.paths)}
    answers = pd.read_csv(found[0].folder / "predictions.csv", dtype={"label": str})
    answers["predicted"] = answers["predicted"].astype(str)
    wrong = answers[answers["label"] != answers["predicted"]].nlargest(12, "confidence")
    figure, axes = lab.subplots(2, 6, size=(8, 3.2))
    for part in axes.flat:
        part.axis("off")
    for part, row in zip(axes.flat, wrong.itertuples(), strict=False):
        part.imshow(samples.images.array[place[row.path]].squeeze(), vmin=0, vmax=255)
        part.set_title(f"{row.predicted} ({row.label})", fontsize=9, color=style.RED)
    lab.show(
        figure,
        description="Up to twelve digits that the network took for others.",
        caption="Predicted (true), the surest mistakes of the first seed.",
    )

# %% [markdown]
# ## Exercises
#
# `nunbit lab 09 --solution` shows worked solutions.
#
# **1. A difference in images.** The notes report 99.02 % for one run and 99.15 % for another. How
# many of the 10,000 test images lie between them? (The 95 % interval of one such number is about
# 19 images to each side.)

# %% exercise="images"
images = None


# %% tags=["hide-input"]
def is_images(number):
    wanted = round((0.9915 - 0.9902) * 10_000)
    assert number == wanted, "a hundredth of a percent of 10,000 is one image"


lab.check("images", images, is_images)

# %% [markdown]
# **2. Your own dropout.** Write it for a numpy array `x`, with probability `p` and a numpy
# generator `random`.

# %% exercise="dropout"
dropout = None  # a function: def dropout(x, p, random): return ...


# %% tags=["hide-input"]
def is_dropout(function):
    x = np.full((200, 500), 3.0)
    for p in (0.2, 0.5):
        dropped = np.asarray(function(x, p, np.random.default_rng(0)))
        share = np.mean(dropped == 0)
        assert abs(share - p) < 0.01, f"with p = {p}, a share of {share:.2f} is zero"
        assert abs(dropped.mean() - 3) < 0.05, f"the mean was 3 and is {dropped.mean():.2f}"
        assert len(np.unique(dropped)) == 2, "a value is dropped, or divided by 1 - p"
    assert np.all(x == 3), "leave the array that you are given as it is"


lab.check("dropout", dropout, is_dropout)

# %% [markdown]
# **3. Whole maps.** Now drop whole maps of an array `x` with shape [images, maps, height, width].

# %% exercise="maps"
dropout_maps = None  # a function: def dropout_maps(x, p, random): return ...


# %% tags=["hide-input"]
def is_map_dropout(function):
    x = np.ones((100, 50, 4, 3))
    dropped = np.asarray(function(x, 0.5, np.random.default_rng(0)))
    assert dropped.shape == x.shape, f"the shape has become {dropped.shape}"
    sums = dropped.sum(axis=(2, 3))
    assert set(np.unique(sums)) <= {0.0, 24.0}, "a map is gone as a whole, or twice as large"
    assert 0.45 < np.mean(sums == 0) < 0.55, "about half of the maps must be gone"
    gone = (sums == 0).mean(axis=0)
    assert not {0.0, 1.0} & {gone.min(), gone.max()}, "draw anew for each image"


lab.check("maps", dropout_maps, is_map_dropout)
