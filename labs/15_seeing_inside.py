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
#     minutes: 3
#     quick_seconds: 20
# ---

# %% [markdown]
# # 15 · Seeing inside
#
# What do the layers of a network make of an image, and on which pixels does its answer rest? There
# are pretty pictures for both questions. This lab also asks which of the pictures can be believed.

# %%
import textwrap

import numpy as np
import pandas as pd
import torch
from scipy.ndimage import sobel
from scipy.stats import spearmanr
from sklearn.datasets import load_sample_image

import nunbit
from nunbit_labs import accuracies, open_lab, style

lab = open_lab("15_seeing_inside")


def spread(values):
    """Mean and standard deviation over the seeds."""
    deviation = f" ± {np.std(values, ddof=1):.2f}" if len(values) > 1 else ""
    return f"{np.mean(values):.2f}{deviation}"


# %% [markdown]
# ## Filters
#
# The weights of a first convolution can be shown as small images, because they are laid over the
# image's own pixels. We take EfficientNet-lite0, which has learned a thousand classes from the
# photographs of ImageNet.
#
# > **Predict first.** What will the 32 filters look like: like parts of animals and things, like
# > edges and spots of colour, or like noise?
#
# <details><summary>Answer</summary>
#
# Like edges and spots of colour: nine pixels hold no more. Networks that are trained on photographs
# find much the same first filters again and again (Yosinski et al. 2014, arXiv 1411.1792). Things
# are put together later, out of many layers, and the weights there have no picture, since their
# inputs are not colours.
#
# </details>

# %%
photographer = nunbit.load("efficientnet-lite0")
first = next(m for m in photographer.model.modules() if isinstance(m, torch.nn.Conv2d))
weights = first.weight.detach().numpy().transpose(0, 2, 3, 1)  # [32, 3, 3, colours]
weights = weights[np.argsort(-np.abs(weights).max(axis=(1, 2, 3)))]  # strongest first

figure, axes = lab.subplots(2, 16, size=(9.4, 1.5))
for axis, one in zip(axes.flat, weights, strict=True):
    axis.imshow(0.5 + 0.5 * one / np.abs(one).max())  # grey is zero
    axis.set(xticks=[], yticks=[])
    axis.grid(False)
lab.show(
    figure,
    description="32 squares of three by three pixels: some with a light and a dark side, some with "
    "one colour against its opposite.",
    caption="The filters of the first convolution, the strongest first. Middle grey is zero; each "
    "has a scale of its own.",
)

# %% [markdown]
# ## Feature maps
#
# Each filter, slid over the image, gives a map. `explain` shows the strongest maps at an early, a
# middle and a late place of the network. (The notes look at layers 0, 20 and 40 of `xai-cnn`.)
#
# > **Predict first.** From layer to layer, do the maps get larger or smaller? In which of them
# > could you still recognise the photograph?
#
# <details><summary>Answer</summary>
#
# Smaller: each stage halves them, and has more of them instead. Early maps are the photograph once
# more, or a drawing of its edges. A late one is a handful of squares. A bright square says
# "something of this kind is here", no more, and many maps say nothing at all.
#
# </details>

# %%
PHOTOS = [load_sample_image(name) for name in ("china.jpg", "flower.jpg")]
told = photographer.explain(PHOTOS, methods=["grad-cam", "gradients"], checks=False)
for one in told:
    print(f"{one.predicted}: {one.probabilities.max():.0%}")

# %% tags=["hide-input"]
figure, axes = lab.subplots(3, 7, size=(9.4, 4.4))
for row, maps in zip(axes, told[0].maps, strict=True):
    row[0].imshow(told[0].canvas)
    row[0].set_ylabel(f"{maps.layer.name}\n{maps.maps.shape[1]} × {maps.maps.shape[2]}")
    for axis, channel in zip(row[1:], maps.order, strict=False):
        axis.imshow(maps.maps[channel].clip(min=0))
    for axis in row:
        axis.set(xticks=[], yticks=[])
        axis.grid(False)
lab.show(
    figure,
    description="A photograph of a temple, and six feature maps of an early, a middle and a late "
    "layer: first the temple and its outlines, then coarse patterns, at last a few bright patches.",
    caption="The strongest maps of each layer. White: much of what the filter looks for.",
)

# %% [markdown]
# "Growing abstract" can be measured. For each map, we take the rank correlation with the brightness
# of the photograph, made as small as the map, without its sign. A map that copies the photograph,
# or its negative, gets 1. With few positions some likeness comes by chance: the likeness to the
# *other* photograph, which the map has nothing to do with, shows how much.


# %%
def shrunk(image, height, width):
    """Brightness [height, width]: means over equal blocks."""
    grey = torch.tensor(image, dtype=torch.float32).mean(dim=2)[None, None]
    return torch.nn.functional.adaptive_avg_pool2d(grey, (height, width))[0, 0].numpy()


rows = []
for number in range(3):
    likeness, by_chance, silent, count = [], [], 0, 0
    for one, other in zip(told, told[::-1], strict=True):
        maps = one.maps[number]
        own, foreign = (shrunk(each.canvas, *maps.maps.shape[1:]).ravel() for each in (one, other))
        varied = [each.ravel() for each in maps.maps if np.ptp(each) > 0]
        likeness += [abs(spearmanr(each, own).statistic) for each in varied]
        by_chance += [abs(spearmanr(each, foreign).statistic) for each in varied]
        silent, count = silent + maps.silent, count + len(maps.maps)
    rows.append(
        {
            "layer": maps.layer.name,
            "maps": len(maps.maps),
            "size": f"{maps.maps.shape[1]} × {maps.maps.shape[2]}",
            "likeness (median)": round(float(np.median(likeness)), 2),
            "to the other photograph": round(float(np.median(by_chance)), 2),
            "silent, %": round(100 * silent / count, 1),
        }
    )
pd.DataFrame(rows)

# %% [markdown]
# ## Which pixels?
#
# Attribution maps say which pixels a class rests on. Four ways to ask: *gradients*, how much the
# score reacts to a small change of a pixel; *integrated gradients*, what a pixel adds on the way
# from an empty image; *occlusion*, what is lost when a window is covered; *Grad-CAM*, where the
# late maps hold what speaks for the class.

# %% tags=["hide-input"]
figure, axes = lab.subplots(2, 3, size=(9.4, 5.2))
for row, one in zip(axes, told, strict=True):
    row[0].imshow(one.canvas)
    row[0].set_title(one.predicted)
    for axis, method in zip(row[1:], ("grad-cam", "gradients"), strict=True):
        values = one.attribution(method)
        axis.imshow(one.canvas.mean(axis=2), alpha=0.4)
        axis.imshow(values, cmap="inferno", alpha=0.7, vmin=0, vmax=np.quantile(values, 0.995))
        axis.set_title(method)
    for axis in row:
        axis.set(xticks=[], yticks=[])
        axis.grid(False)
lab.show(
    figure,
    description="Two photographs, a temple and a flower, each beside two maps of the pixels that "
    "speak for the predicted class.",
    caption="Bright: what the predicted class rests on, according to the method.",
)

# %% [markdown]
# The two do not agree, and that is the problem: on a photograph nobody knows which pixels the
# network really uses. So we make images where we do know. On noise lies one of four shapes, at
# a drawn place, and nothing else says what the class is.

# %%
SHAPES = ("cross", "ring", "stripes", "diagonals")
SIDE = 9


def shape_of(name):
    """0 and 1, [9, 9]."""
    down, right = np.mgrid[:SIDE, :SIDE] - SIDE // 2
    far = np.hypot(down, right)
    drawn = {
        "cross": (abs(down) <= 1) | (abs(right) <= 1),
        "ring": (far > 2.4) & (far < 4.5),
        "stripes": down % 3 == 0,
        "diagonals": (down + right) % 4 == 0,
    }
    return drawn[name].astype(float)


def draw_shapes(count, seed):
    """Images uint8 [N, 28, 28], labels [N], and masks [N, 28, 28] of where the shape is."""
    random = np.random.default_rng(seed)
    images = random.normal(90, 30, (count, 28, 28))
    labels, masks = random.integers(4, size=count), np.zeros((count, 28, 28), dtype=bool)
    for image, label, mask in zip(images, labels, masks, strict=True):
        top, left = random.integers(0, 28 - SIDE + 1, 2)
        place = (slice(top, top + SIDE), slice(left, left + SIDE))
        image[place] += 100 * shape_of(SHAPES[label])
        mask[place] = True
    return images.clip(0, 255).astype(np.uint8), labels, masks


known = lab.folder / "shapes.npz"
if not known.exists():
    x_train, y_train, _ = draw_shapes(lab.pick(3_000, quick=1_200), seed=0)
    x_test, y_test, _ = draw_shapes(lab.pick(1_000, quick=200), seed=1)
    np.savez(known, x_train=x_train, y_train=y_train, x_test=x_test, y_test=y_test)
shape_runs = lab.train(
    "shapes", known, seeds=lab.seeds(3, quick=1), model="smallcnn", epochs=lab.pick(5, quick=3)
)
print("accuracy on the test part:", spread(accuracies(shape_runs)))

# %% [markdown]
# > **Predict first.** The square of the shape fills about a tenth of the image. How much of the map
# > will lie on it: a tenth, half, all? Will the four methods agree?
#
# <details><summary>Answer</summary>
#
# See the table; chance is what a map gets that knows nothing. Grad-CAM works on small maps and so
# blurs beyond the edges of the shape. Occlusion blurs by the size of its window. Plain gradients
# are noisy: the score reacts to pixels that hold nothing as well. Integrated gradients count a
# slope the more, the further its pixel is from the empty image. That helps them here, where the
# shape is brighter than the noise; a thing as grey as the empty image would get nothing.
#
# </details>

# %%
FAST = ["grad-cam", "gradients"]
METHODS = ["grad-cam", "integrated-gradients", "occlusion", "gradients"]
images, labels, masks = draw_shapes(lab.pick(40, quick=6), seed=2)


def share_inside(values, mask):
    """Of the positive part of a map."""
    positive = values.clip(min=0)
    return float((positive * mask).sum() / positive.sum())


def where_maps_point(run):
    classifier = nunbit.load(run.folder)
    found = classifier.explain(images, methods=METHODS, stages=False, checks=False)
    return {
        method: [
            share_inside(one.attribution(method), mask)
            for one, mask in zip(found, masks, strict=True)
            if one.attribution(method).max() > 0
        ]
        for method in METHODS
    }, found


pointed = [where_maps_point(run) for run in shape_runs]
rows = [
    {"map": "by chance", "of its positive part in the square": f"{masks.mean():.2f}", "seeds": ""}
]
for method in METHODS:
    means = [float(np.mean(shares[method])) for shares, _ in pointed]
    rows.append(
        {
            "map": method,
            "of its positive part in the square": spread(means),
            "seeds": str(len(means)),
        }
    )
pd.DataFrame(rows)

# %% tags=["hide-input"]
_, of_each = np.unique(labels, return_index=True)  # an image of each shape
figure, axes = lab.subplots(3, 5, size=(9.4, 5.6))
for place, (row, number) in enumerate(zip(axes, of_each, strict=False)):
    one = pointed[0][1][number]
    row[0].imshow(one.canvas[:, :, 0], vmin=0, vmax=255)
    row[0].set_title(SHAPES[labels[number]])
    for axis, method in zip(row[1:], METHODS, strict=True):
        values = one.attribution(method)
        most = np.abs(values).max()
        axis.imshow(-values, cmap=style.BLUE_ORANGE, vmin=-most, vmax=most)
        axis.set_title("" if place else method)
    for axis in row:
        axis.set(xticks=[], yticks=[])
        axis.grid(False)
lab.show(
    figure,
    description="Three images of a shape on noise, each with four attribution maps, whose strong "
    "values lie on and around the shape.",
    caption="Orange speaks for the class, blue against it. Grad-CAM and gradients, as they are "
    "shown here, say only how much.",
)

# %% [markdown]
# ## Two checks that a map must pass
#
# A map that shows an object nicely may be nothing but a drawing of the image. Two questions refute
# it. *Does it depend on the network?* Randomize all weights: if the map stays, it shows the image
# (Adebayo et al. 2018, arXiv 1810.03292). *Do its pixels matter?* Take the strongest pixels away
# first: the answer must fall sooner than in a random order (Petsiuk et al. 2018, arXiv 1806.07421).
#
# The first one by hand, with a detector of edges as a third, false "explanation": it does not even
# look at the network.
#
# > **Predict first.** How similar will its maps be, before and after all weights are randomized?
#
# <details><summary>Answer</summary>
#
# Identical, a correlation of 1. Yet the shape has edges, so more of the map lies on it than by
# chance: a map may point to the right place, and still say nothing of the network.
#
# </details>


# %%
def edges(image):
    """Strength of the edges: needs no network."""
    grey = image.astype(float)
    return np.hypot(sobel(grey, 0), sobel(grey, 1))


def similarity_to_redrawn(run, seed):
    """Rank correlation of maps with those of the same network with new random weights."""
    learned, redrawn = nunbit.load(run.folder), nunbit.load(run.folder)
    fresh = nunbit.create_model("smallcnn", classes=4, generator_seed=1_000 + seed)
    redrawn.model.load_state_dict(fresh.state_dict())
    names = [learned.classes[label] for label in labels[:6]]
    found = {"grad-cam": [], "gradients": [], "edges": []}
    for image, name in zip(images[:6], names, strict=True):
        pair = [
            one.explain(image, methods=FAST, classes=[name], stages=False, checks=False)[0]
            for one in (learned, redrawn)
        ]
        for method in FAST:
            one, other = (each.attribution(method, name).ravel() for each in pair)
            if np.ptp(one) and np.ptp(other):
                found[method].append(float(spearmanr(one, other).statistic))
        before = after = edges(image).ravel()  # the network plays no role
        found["edges"].append(float(spearmanr(before, after).statistic))
    return {method: float(np.mean(values)) for method, values in found.items()}


by_hand = [similarity_to_redrawn(run, seed) for seed, run in enumerate(shape_runs)]
on_shape = np.mean([share_inside(edges(i), m) for i, m in zip(images, masks, strict=True)])
print(f"of the edges' map in the square: {on_shape:.2f}; by chance {masks.mean():.2f}")
pd.DataFrame(
    {
        "map": list(by_hand[0]),
        "similar after all weights are drawn anew": [
            spread([one[method] for one in by_hand]) for method in by_hand[0]
        ],
    }
)

# %% [markdown]
# `explain` makes both checks of every map that it shows, and puts a sentence beside it. A map
# passes the first below a correlation of 0.5, and the second when it does better than random
# orders. A pass is not a proof: the checks can only refute.

# %%
classifier = nunbit.load(shape_runs[0].folder)
few = images[: lab.pick(10, quick=2)]
checked = classifier.explain(few, methods=["grad-cam", "gradients"], stages=False, checks=True)
rows = []
for method in ("grad-cam", "gradients"):
    checks = [a.checks for one in checked for a in one.attributions if a.method == method]
    rows.append(
        {
            "map": method,
            "depends on the network": f"{sum(c.depends_on_model for c in checks)} of {len(checks)}",
            "its pixels matter": f"{sum(c.beats_random for c in checks)} of {len(checks)}",
            "both": f"{sum(c.trusted for c in checks)} of {len(checks)}",
        }
    )
lab.show(pd.DataFrame(rows))
print(textwrap.fill("the first map: " + checked[0].attributions[0].checks.verdict, 90))

# %% tags=["hide-input"]
curves = checked[0].attributions[0].checks.curves
figure, axes = lab.subplots(1, 1, size=(6.4, 3))
for random in curves.random_deletion:
    axes.plot(curves.shares, random, color=style.SOFT, linewidth=0.8, alpha=0.6)
axes.plot(curves.shares, curves.deletion, "o-", color=style.ORANGE, label="strongest first")
axes.plot([], [], color=style.SOFT, label="random orders")
axes.set(xlabel="share of the pixels taken away", ylabel="probability", ylim=(0, 1.02))
axes.legend()
lab.show(
    figure,
    description="The probability of the class falls while pixels are taken away: one line for the "
    "order of the map, thin ones for random orders.",
    caption="The second check for the first image: Grad-CAM's order against random ones.",
)

# %% [markdown]
# ## What maps are good for
#
# Photographs of clothes, and at the top of each a small mark whose place gives the class away, as a
# hospital's label may in an X-ray. The network gets splendid numbers. Would you notice?
#
# > **Predict first.** Where will the map point? What will the accuracy be on images without marks?
#
# <details><summary>Answer</summary>
#
# Above all at the row of marks, at the top: they are much easier than clothes. The test part has
# them too, so its accuracy looks splendid. Without marks, only what the network has learned of the
# clothes besides is left: the table says how much. No number on the test part shows it, but a few
# maps do.
#
# </details>

# %%
clothes = lab.data("fashion-mnist", quick_images=800)
lab.needs(clothes)  # without them, the rest is left out
samples = nunbit.load_data(clothes.source).samples
pixels, truth = samples.images.array[..., 0], samples.labels
testing = np.array([name == "test" for name in samples.parts])
train_rows, test_rows = np.flatnonzero(~testing)[:5_000], np.flatnonzero(testing)[:1_000]


def marked(images, labels):
    """A white square of 2 x 2 in the top rows; its column is the class."""
    images = images.copy()
    for image, label in zip(images, labels, strict=True):
        image[:2, 2 + 2 * label + label // 2 : 4 + 2 * label + label // 2] = 255
    return images


mark_file = lab.folder / "marked.npz"
if not mark_file.exists():
    np.savez(
        mark_file,
        x_train=marked(pixels[train_rows], truth[train_rows]),
        y_train=truth[train_rows],
        x_test=marked(pixels[test_rows], truth[test_rows]),
        y_test=truth[test_rows],
    )
mark_runs = lab.train(
    "marked",
    mark_file,
    seeds=lab.seeds(3, quick=1),
    model="fashion-cnn",
    epochs=lab.pick(3, quick=4),
    augment="none",
)
without, inside = [], []
for run in mark_runs:
    classifier = nunbit.load(run.folder)
    rows = test_rows[:200]
    answers = classifier.predict(pixels[rows][..., None])
    wanted = np.array(classifier.classes)[truth[rows]]
    without.append(float(np.mean(answers == wanted)))
    shown = marked(pixels[rows[:4]], truth[rows[:4]])
    found = classifier.explain(shown, methods=["integrated-gradients"], stages=False, checks=False)
    top = np.zeros((28, 28), dtype=bool)
    top[:2] = True
    maps = [one.attribution("integrated-gradients") for one in found]
    inside.append(float(np.mean([share_inside(values, top) for values in maps])))
pd.DataFrame(
    {
        "test accuracy": [spread(accuracies(mark_runs))],
        "without the marks": [spread(without)],
        "of the map in the two top rows": [spread(inside)],
        "by chance": [f"{2 / 28:.2f}"],
        "seeds": [len(mark_runs)],
    }
)

# %% tags=["hide-input"]
figure, axes = lab.subplots(2, 4, size=(8.4, 4.4))
for upper, lower, one in zip(*axes, found, strict=True):
    values = one.attribution("integrated-gradients")
    most = np.abs(values).max()
    upper.imshow(one.canvas[:, :, 0])
    lower.imshow(-values, cmap=style.BLUE_ORANGE, vmin=-most, vmax=most)
    for axis in (upper, lower):
        axis.set(xticks=[], yticks=[])
        axis.grid(False)
lab.show(
    figure,
    description="Four pieces of clothing with a white mark in their top rows; below each its map "
    "of integrated gradients.",
    caption="Above what the network sees, below what its answer rests on: orange for it.",
)

# %% [markdown]
# ## Exercises
#
# `nunbit lab 15 --solution` shows worked solutions.
#
# **1. Sizes.** A network halves an image of 224 × 224 pixels five times. How many positions does a
# map of its last layer have?

# %% exercise="positions"
positions = None


# %% tags=["hide-input"]
def is_number_of_positions(answer):
    assert answer == (224 // 2**5) ** 2, "each halving divides both sides by two"


lab.check("positions", positions, is_number_of_positions)

# %% [markdown]
# **2. Occlusion by hand.** Write `occlusion(score, image)`: for an image [8, 8] and a function that
# gives a score, cover each 2 × 2 block (there are 16) with zeros, and put what the score loses into
# an array [4, 4].

# %% exercise="occlusion"
occlusion = None


# %% tags=["hide-input"]
def is_occlusion(function):
    weights = np.random.default_rng(0).normal(size=(8, 8))
    image = np.random.default_rng(1).random((8, 8))
    found = function(lambda x: float((weights * x).sum()), image.copy())
    wanted = (weights * image).reshape(4, 2, 4, 2).sum(axis=(1, 3))
    assert np.shape(found) == (4, 4), "the answer has one value for each block"
    assert np.allclose(found, wanted), "score of the whole image less score of the covered one"


lab.check("occlusion", occlusion, is_occlusion)

# %% [markdown]
# **3. Which check?** A colleague's map is white noise, different for every network. Which check
# does it fail: `"network"` (does it depend on the network?), `"pixels"` (do its pixels matter?), or
# `"both"`?

# %% exercise="noise"
fails = None


# %% tags=["hide-input"]
def is_failed_check(answer):
    assert answer in ("network", "pixels", "both"), 'say "network", "pixels" or "both"'
    assert answer == "pixels", "is the noise of another network the same noise?"


lab.check("noise", fails, is_failed_check)
