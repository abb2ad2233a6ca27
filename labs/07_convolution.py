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
#     minutes: 0.2
#     quick_seconds: 10
# ---

# %% [markdown]
# # 07 · Convolution arithmetic
#
# A convolution slides a small window of weights over an image, and writes down one sum at each
# place. We do it with loops, hold the result against the library, and learn to say beforehand how
# large the result is, how many weights it takes, and how much of the image a value has seen.

# %%
import itertools
import time

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from matplotlib.patches import Rectangle
from sklearn.datasets import load_sample_image
from torch import nn

import nunbit
from nunbit_labs import Published, open_lab, style

lab = open_lab("07_convolution")

# %% [markdown]
# ## By loops
#
# Lay the kernel on the image, multiply each weight with the pixel below it, add everything up:
# that is one value of the result. Then move on by the stride $S$. With padding $P$, rows and
# columns of zeros are put around the image first.


# %%
def convolve(image, kernel, *, stride=1, padding=0):
    """image [H, W], kernel [F, F] -> one sum for each place of the kernel."""
    image = np.pad(image, padding)
    size = len(kernel)
    rows = range(0, image.shape[0] - size + 1, stride)
    columns = range(0, image.shape[1] - size + 1, stride)
    result = np.zeros((len(rows), len(columns)))
    for i, top in enumerate(rows):
        for j, left in enumerate(columns):
            window = image[top : top + size, left : left + size]
            result[i, j] = np.sum(window * kernel)
    return result


# %% [markdown]
# > **Predict first.** The image below is dark on the left and bright on the right. The kernel has
# > −1 in its left column, 0 in the middle and 1 on the right. Where will the result be zero? Where
# > will it be largest?
#
# <details><summary>Answer</summary>
#
# Zero wherever the window sees one brightness only, dark or bright: what the right column adds, the
# left one takes away. Largest where the window stands on the edge. The kernel finds edges, and only
# upright ones.
#
# </details>

# %%
EDGE = np.repeat([[0, 0, 0, 5, 5, 5, 5]], 6, axis=0)
EDGE[4:, 2] = 5  # a step in the edge
UPRIGHT = np.array([[-1, 0, 1], [-1, 0, 1], [-1, 0, 1]])

result = convolve(EDGE, UPRIGHT)


# %% tags=["hide-input"]
def draw_numbers(axes, array, title, *, limit, hidden=None):
    """An array as coloured squares with its numbers; None where it is not yet known."""
    axes.imshow(array, cmap=style.BLUE_ORANGE, vmin=-limit, vmax=limit)
    for (i, j), value in np.ndenumerate(array):
        if hidden is None or not hidden[i, j]:
            colour = style.PAPER if abs(value) > 0.6 * limit else style.INK
            axes.text(j, i, f"{value:g}", ha="center", va="center", fontsize=9, color=colour)
    axes.set(title=title, xticks=[], yticks=[])
    axes.grid(False)


def draw_place(figure, place):
    i, j = divmod(place, result.shape[1])
    left, middle, right = figure.subplots(1, 3, width_ratios=[7, 3, 5])
    draw_numbers(left, EDGE, "image", limit=10)
    box = {"fill": False, "edgecolor": style.ORANGE, "linewidth": 3}
    left.add_patch(Rectangle((j - 0.5, i - 0.5), 3, 3, **box))
    products = EDGE[i : i + 3, j : j + 3] * UPRIGHT
    draw_numbers(middle, products, "times kernel", limit=10)
    middle.set_xlabel(f"sum: {products.sum():g}")
    later = np.arange(result.size).reshape(result.shape) > place
    draw_numbers(right, np.where(later, 0, result), "result", limit=25, hidden=later)
    right.add_patch(Rectangle((j - 0.5, i - 0.5), 1, 1, **box))


lab.animate(
    draw_place,
    range(result.size),
    size=(7.6, 3.2),
    seconds=0.6,
    description="A window of 3 by 3 pixels moves over an image of 6 by 7. Beside it stand the nine "
    "products and their sum, which is written into the result, a grid of 4 by 5.",
    caption="Orange: the window, and the place of the result that its sum goes to.",
)

# %% [markdown]
# The library must say the same. It does, for every size, stride and padding that we try. (What
# networks call convolution, mathematicians call cross-correlation: they turn the kernel by 180°
# first. A network learns its kernels, so it does not matter which way round they are.)

# %%
random = np.random.default_rng(0)
worst = cases = 0
for width, size, stride, padding in itertools.product(range(5, 12), range(1, 6), (1, 2, 3), (0, 1)):
    image, kernel = random.normal(size=(width, width + 2)), random.normal(size=(size, size))
    library = F.conv2d(
        torch.tensor(image)[None, None], torch.tensor(kernel)[None, None], None, stride, padding
    )
    ours = convolve(image, kernel, stride=stride, padding=padding)
    assert ours.shape == tuple(library.shape[2:])
    worst, cases = max(worst, np.abs(ours - library[0, 0].numpy()).max()), cases + 1
assert worst < 1e-12
print(f"{cases} cases; largest difference {worst:.1e}")

# %% [markdown]
# ## How large is the result?
#
# Along one direction of $W$ pixels, a kernel of $F$ has room to move over $W - F + 2P$ pixels, and
# takes steps of $S$. With the place where it begins that makes
#
# $$\frac{W - F + 2P}{S} + 1$$
#
# > **Predict first.** An image of 7 pixels, a kernel of 3, no padding. How large is the result with
# > stride 1, with stride 2, with stride 3?
#
# <details><summary>Answer</summary>
#
# 5, 3, and then the formula gives $2\tfrac{1}{3}$. There is no third of a place. PyTorch leaves out
# the rest, so the last pixel is never read, and says nothing. Poolings can be told to round up
# instead (`ceil_mode`). TensorFlow's padding `same` adds as many zeros as $\lceil W / S \rceil$
# places need, says its documentation.
#
# </details>

# %%
rows = []
for stride in (1, 2, 3):
    layer = nn.Conv2d(1, 1, 3, stride=stride)
    found = nunbit.summarise(layer, (1, 7, 7)).layers[0]
    rounded_up = nn.MaxPool2d(3, stride, ceil_mode=True)(torch.zeros(1, 1, 7, 7)).shape[-1]
    rows.append(
        {
            "stride": stride,
            "formula": f"{(7 - 3) / stride + 1:.2f}",
            "PyTorch": found.output_shape[-1],
            "pooling, rounded up": rounded_up,
            "the library says": found.formulas[0].partition(": ")[2],
        }
    )
pd.DataFrame(rows)

# %% tags=["hide-input"]
figure, axes = lab.subplots(3, 1, size=(6.5, 3.4), sharex=True)
for part, stride in zip(axes, (1, 2, 3), strict=True):
    part.bar(range(1, 8), 0.8, width=0.9, bottom=-1, color=style.LINE)
    places = range(1, 8 - 3 + 1, stride)
    for row, place in enumerate(places):
        part.plot([place - 0.4, place + 2.4], [row + 0.5] * 2, linewidth=5, solid_capstyle="butt")
    part.set(title=f"stride {stride}: {len(places)} places", yticks=[], ylim=(-1.2, 5.2))
    part.grid(False)
axes[-1].set(xlabel="pixel", xticks=range(1, 8))
lab.show(
    figure,
    description="Seven pixels in a row, three times, with a bar for each place of a kernel of "
    "three. With stride 3 there are two bars, and none reaches pixel 7.",
)

# %% [markdown]
# ## How many weights?
#
# A colour image has three channels, and a later layer's input may have hundreds. A filter reaches
# through all $D$ of them and adds up everything to one value, so it has $F \cdot F \cdot D$ weights
# and a bias. $K$ filters make $K$ maps:
#
# $$(F \cdot F \cdot D + 1) \cdot K$$
#
# > **Predict first.** A layer turns an image of 28 × 28 into 32 maps of 28 × 28. As a convolution
# > with 3 × 3 kernels, how many weights and biases does it have? And if each output were connected
# > to each pixel: ten times, a thousand times, more than ten thousand times as many?
#
# <details><summary>Answer</summary>
#
# $(3 \cdot 3 \cdot 1 + 1) \cdot 32 = 320$. Fully connected, each of $32 \cdot 28 \cdot 28$ outputs
# has 784 weights and a bias: far more than ten thousand times as many. The convolution has two
# ideas in it: a value looks at its neighbourhood only, and all places share the same weights.
#
# </details>


# %%
def parameters(size, channels, filters):
    return (size * size * channels + 1) * filters


def count(layer):
    return sum(weights.numel() for weights in layer.parameters())


with torch.device("meta"):  # counted, not filled with numbers
    dense = nn.Linear(28 * 28, 32 * 28 * 28)
    shared = nn.Conv2d(1, 32, 3, padding=1)
assert count(shared) == parameters(3, 1, 32)
print(f"convolution {count(shared):,}; fully connected {count(dense):,}")

# %% [markdown]
# The same arithmetic holds in one, two and three directions. What counts is along how many of them
# the kernel moves. A kernel of 1 × 1 moves as well, but sees no neighbours: it only mixes the
# channels, and so makes many of them few. Pooling has nothing to learn.

# %%
LAYERS = {
    "1-D: sound, 1 channel": (nn.Conv1d(1, 8, 3), (1, 100)),
    "2-D: grey image": (nn.Conv2d(1, 8, 3), (1, 28, 28)),
    "2-D over 3-D: colour image": (nn.Conv2d(3, 8, 3), (3, 28, 28)),
    "3-D: film or volume": (nn.Conv3d(1, 8, 3), (1, 16, 28, 28)),
    "1 × 1: 64 channels to 8": (nn.Conv2d(64, 8, 1), (64, 28, 28)),
    "pooling, 2 × 2": (nn.MaxPool2d(2), (64, 28, 28)),
}
rows = []
for name, (layer, shape) in LAYERS.items():
    found = nunbit.summarise(layer, shape).layers[0]
    how = [text for text in found.formulas if text.startswith("parameters")]
    rows.append(
        {
            "layer": name,
            "input": " × ".join(map(str, shape)),
            "output": " × ".join(map(str, found.output_shape)),
            "parameters": how[0].partition(": ")[2] if how else found.parameters,
        }
    )
pd.DataFrame(rows)

# %% tags=["hide-input"]
keras = nunbit.summarise(nunbit.create_model("keras-cnn", classes=10), (1, 28, 28))
counts = [layer.parameters for layer in keras.layers if layer.kind == "Conv2d"]
ours = [parameters(3, 1, 16), parameters(4, 16, 32), parameters(4, 32, 64)]
assert counts == ours  # the library's network, and the formula
for number, (one, published) in enumerate(zip(ours, (160, 8_224, 32_832), strict=True), start=1):
    lab.compare(
        f"keras-cnn, convolution {number}: parameters",
        one,
        Published(published, digits=0),
        comparable=True,
    )

# %% [markdown]
# ## AlexNet, computed before it is built
#
# The network that won the ImageNet contest of 2012 is a list of such layers. With the two formulas
# we fill in its table without building anything.
#
# > **Predict first.** Which part of it holds most of the weights: the five convolutions or the
# > three fully connected layers? And which part does most of the multiplying?
#
# <details><summary>Answer</summary>
#
# The fully connected layers hold nearly all of the weights, and the convolutions do most of the
# work: they use each of their few weights again at every place of the image.
#
# </details>

# %%
ALEXNET = [  # kind, kernel, filters, stride, padding
    ("conv", 11, 96, 4, 0),
    ("pool", 3, None, 2, 0),
    ("conv", 5, 256, 1, 2),
    ("pool", 3, None, 2, 0),
    ("conv", 3, 384, 1, 1),
    ("conv", 3, 384, 1, 1),
    ("conv", 3, 256, 1, 1),
    ("pool", 3, None, 2, 0),
    ("full", None, 4096, None, None),
    ("full", None, 4096, None, None),
    ("full", None, 1000, None, None),
]


def table_of(layers, width, channels):
    """A row for each layer, by the formulas alone."""
    rows = []
    for kind, size, filters, stride, padding in layers:
        weights = 0
        if kind == "full":
            inputs = width * width * channels
            weights, width, channels = (inputs + 1) * filters, 1, filters
            multiplications = inputs * filters
        else:
            width = (width - size + 2 * padding) // stride + 1
            multiplications = 0
            if kind == "conv":
                weights = parameters(size, channels, filters)
                multiplications = width * width * filters * size * size * channels
                channels = filters
        rows.append((kind, f"{width} × {width} × {channels}", weights, multiplications))
    names = ["layer", "output", "parameters", "multiplications"]
    return pd.DataFrame(rows, columns=names)


table = table_of(ALEXNET, width=227, channels=3)
with torch.device("meta"):
    network = nunbit.create_model("alexnet", classes=1000)
library = nunbit.summarise(network, (3, 227, 227))
assert table["parameters"].sum() == library.parameters
assert table["multiplications"].sum() == library.multiply_adds
table.assign(**{name: table[name].map("{:,}".format) for name in ("parameters", "multiplications")})

# %% tags=["hide-input"]
figure, axes = lab.subplots(size=(7.2, 2.2))
for row, name in enumerate(["multiplications", "parameters"]):
    shares = 100 * table.groupby("layer")[name].sum() / table[name].sum()
    axes.barh(row, shares["conv"], color=style.BLUE, label="convolutions" if row else None)
    axes.barh(
        row,
        shares["full"],
        left=shares["conv"],
        color=style.ORANGE,
        hatch="//",
        label="fully connected" if row else None,
    )
axes.set(yticks=[0, 1], yticklabels=["multiplications", "parameters"], xlabel="%", xlim=(0, 100))
axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=2, frameon=False)
lab.show(
    figure,
    description="Two bars. Of the parameters nearly all are in the fully connected layers, of the "
    "multiplications nearly all in the convolutions.",
)
PUBLISHED = [34_944, 614_656, 885_120, 1_327_488, 884_992, 37_752_832, 16_781_312, 4_097_000]
with_weights = table[table["parameters"] > 0]["parameters"]
for number, (one, published) in enumerate(zip(with_weights, PUBLISHED, strict=True), start=1):
    name = f"convolution {number}" if number <= 5 else f"fully connected {number - 5}"
    lab.compare(f"AlexNet, {name}", one, Published(published, digits=0), comparable=True)
lab.compare(
    "AlexNet, all parameters",
    table["parameters"].sum(),
    Published(62_378_344, digits=0),
    comparable=True,
)

# %% [markdown]
# ## How much of the image has a value seen?
#
# A value behind one 3 × 3 convolution depends on 3 × 3 pixels: its receptive field. Each further
# layer widens the field $r$ by $F - 1$ steps, and a step is as many pixels of the image as the
# strides $s$ before it multiply to:
#
# $$r \leftarrow r + (F - 1) \cdot s$$
#
# > **Predict first.** How many 3 × 3 convolutions, one after another, see as much as one of 5 × 5?
# > Which has fewer weights, at 64 channels everywhere? And what if there is a pooling between them?
#
# <details><summary>Answer</summary>
#
# Two: $3 + 2 = 5$. Each has $9 \cdot 64 \cdot 64$ weights, so together 18 parts against 25, and
# there is room for one more activation between them. That was the idea of VGG. A pooling doubles
# the steps, so that what follows widens the field twice as fast.
#
# </details>

# %%
STACKS = {
    "one 5 × 5": [nn.Conv2d(64, 64, 5)],
    "two 3 × 3": [nn.Conv2d(64, 64, 3), nn.Conv2d(64, 64, 3)],
    "one 7 × 7": [nn.Conv2d(64, 64, 7)],
    "three 3 × 3": [nn.Conv2d(64, 64, 3) for _ in range(3)],
    "3 × 3, pooling, 3 × 3": [nn.Conv2d(64, 64, 3), nn.MaxPool2d(2), nn.Conv2d(64, 64, 3)],
}


def receptive_field(layers):
    """By the formula: pixels along one direction."""
    seen, step = 1, 1
    for layer in layers:
        size, stride = (int(np.max(value)) for value in (layer.kernel_size, layer.stride))
        seen, step = seen + (size - 1) * step, step * stride
    return seen


def reached(layers):
    """By the gradient: on how many pixels along one direction does the middle value depend?"""
    generator = torch.Generator().manual_seed(0)
    image = torch.randn(1, 64, 41, 41, generator=generator, requires_grad=True)
    output = nn.Sequential(*layers)(image)
    middle = output.shape[-1] // 2
    output[0, :, middle, middle].sum().backward()
    return int((image.grad.abs().sum(dim=(0, 1, 2)) > 0).sum())


rows = []
for name, layers in STACKS.items():
    library = nunbit.summarise(nn.Sequential(*layers), (64, 41, 41))
    assert library.layers[-1].receptive_field[0] == receptive_field(layers)
    rows.append(
        {
            "": name,
            "sees, by formula": receptive_field(layers),
            "by gradient": reached(layers),
            "weights and biases": f"{library.parameters:,}",
        }
    )
pd.DataFrame(rows)

# %% [markdown]
# Now AlexNet, layer by layer: how much of a photograph does a value see? Does one of the last
# convolution see all of it? (The photograph comes with scikit-learn.)

# %% tags=["hide-input"]
photo = load_sample_image("china.jpg")[60:350, 200:490]  # uint8 [290, 290, 3]
library = nunbit.summarise(network, (3, 227, 227))
fields = [
    (layer.name, layer.receptive_field[0])
    for layer in library.layers
    if layer.kind in ("Conv2d", "MaxPool2d") and layer.receptive_field != "global"
]
figure, axes = lab.subplots(size=(5.6, 5))
side = 227
axes.imshow(photo[:side, :side], alpha=0.75)
colours = {"conv": style.BLUE, "pool": style.ORANGE}
for (kind, *_), (_, seen) in zip(ALEXNET, fields, strict=False):
    corner = side / 2 - seen / 2
    line = "-" if kind == "conv" else "--"
    axes.add_patch(
        Rectangle(
            (corner, corner),
            seen,
            seen,
            fill=False,
            edgecolor=colours[kind],
            linestyle=line,
            linewidth=2,
        )
    )
    axes.text(
        corner + 2,
        corner + 2,
        f"{seen}",
        va="top",
        color=style.INK,
        fontsize=8,
        bbox={"facecolor": style.PAPER, "edgecolor": "none", "pad": 1},
    )
axes.set(xticks=[], yticks=[], title="what one value of each layer sees, in pixels")
axes.grid(False)
lab.show(
    figure,
    description="A photograph with nested squares: what a value of each layer of AlexNet sees, "
    "from a small square in the middle to most of the picture.",
    caption="Solid: convolutions; dashed: poolings. 227 × 227 pixels.",
)

# %% [markdown]
# ## Two kernels that were not learned
#
# Long before networks, Sobel (1968) wrote down two kernels: one for changes from left to right, one
# for changes from top to bottom.
#
# > **Predict first.** What do they make of the roof's edge, which runs across? Of the pillars? And
# > what of the sky?
#
# <details><summary>Answer</summary>
#
# The pillars shine in the first picture, because brightness changes when one goes to the right; the
# edges that run across shine in the second. The sky is nearly even, so both give about zero. The
# root of the sum of both squares shows edges of all directions.
#
# </details>

# %%
SOBEL_X = np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]])
SOBEL_Y = SOBEL_X.T

grey = photo.mean(axis=2)
began = time.perf_counter()
by_loops = convolve(grey, SOBEL_X)
loops = time.perf_counter() - began

kernels = torch.tensor(np.stack([SOBEL_X, SOBEL_Y]), dtype=torch.float64)[:, None]  # [2, 1, 3, 3]
began = time.perf_counter()
across, down = F.conv2d(torch.tensor(grey)[None, None], kernels)[0].numpy()
once = time.perf_counter() - began

assert np.abs(by_loops - across).max() < 1e-9
strength = np.hypot(across, down)
print(f"loops: {1000 * loops:.0f} ms for one kernel; the library: {1000 * once:.1f} ms for both")

# %% tags=["hide-input"]
figure, axes = lab.subplots(2, 2, size=(7.4, 7.4))
limit = np.percentile(np.abs(across), 99)
for part, (picture, title) in zip(
    axes.flat,
    [(grey, "photograph"), (across, "left to right"), (down, "top to bottom"), (strength, "both")],
    strict=True,
):
    signed = picture is across or picture is down
    colours = style.BLUE_ORANGE if signed else "gray"
    part.imshow(
        picture,
        cmap=colours,
        vmin=-limit if signed else 0,
        vmax=255 if picture is grey else limit,
    )
    part.set(title=title, xticks=[], yticks=[])
    part.grid(False)
lab.show(
    figure,
    description="A temple in grey, and three results: upright edges, edges that run across, and "
    "the strength of all edges.",
    caption="Blue: brighter to the right, or below. Orange: darker. White: no change.",
)

# %% [markdown]
# The first layer of a trained network holds such kernels, too, found by itself (Krizhevsky et al.,
# 2012, figure 3). Lab 15 looks for them.

# %% [markdown]
# ## Exercises
#
# `nunbit lab 07 --solution` shows worked solutions.
#
# **1. How large?** ResNet begins with 7 × 7 kernels, stride 2 and padding 3, on an image of
# 224 × 224, and goes on with a pooling of 3 × 3, stride 2 and padding 1. How wide are the maps
# after each of the two?

# %% exercise="size"
widths = None  # two numbers


# %% tags=["hide-input"]
def is_size(widths):
    image = torch.zeros(1, 1, 224, 224)
    first = nn.Conv2d(1, 1, 7, stride=2, padding=3)(image)
    second = nn.MaxPool2d(3, stride=2, padding=1)(first)
    wanted = [first.shape[-1], second.shape[-1]]
    assert list(widths) == wanted, "the division leaves a rest, which is dropped"


lab.check("size", widths, is_size)

# %% [markdown]
# **2. First fewer channels.** GoogLeNet turns 192 channels into 32 with 5 × 5 kernels, but first
# makes 16 of the 192 by 1 × 1 kernels. How many parameters, biases included, does it save against
# the 5 × 5 convolution alone?

# %% exercise="saved"
saved = None


# %% tags=["hide-input"]
def is_saved(number):
    with torch.device("meta"):
        alone = nn.Conv2d(192, 32, 5)
        both = nn.Sequential(nn.Conv2d(192, 16, 1), nn.Conv2d(16, 32, 5))
    wanted = count(alone) - count(both)
    assert number == wanted, "use parameters(size, channels, filters) three times"


lab.check("saved", saved, is_saved)

# %% [markdown]
# **3. Moving.** Write a 3 × 3 kernel that, with padding 1, moves the picture one pixel to the
# right: each value of the result is what stood left of it.

# %% exercise="move"
kernel = None  # three rows of three numbers


# %% tags=["hide-input"]
def is_move(kernel):
    given = np.asarray(kernel, dtype=float)
    assert given.shape == (3, 3), "a kernel has three rows of three numbers"
    moved = convolve(EDGE, given, padding=1)
    assert np.allclose(moved[:, 1:], EDGE[:, :-1]), "the picture is somewhere else"
    assert np.allclose(moved[:, 0], 0), "from the left, a column of zeros comes in"


lab.check("move", kernel, is_move)
