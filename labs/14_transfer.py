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
#     minutes: 50
#     quick_seconds: 25
# ---

# %% [markdown]
# # 14 · Transfer
#
# A network that has seen a million photographs already knows edges, textures and parts of things.
# With a few hundred pictures of your own, how much of it should be trained again? Two questions are
# said to decide: how many images there are, and how similar they are to what the network has seen.

# %%
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from PIL import Image

import nunbit
from nunbit_labs import Published, accuracies, open_lab, style

lab = open_lab("14_transfer")
WEIGHTS = "efficientnet-lite0"  # trained on ImageNet
SIZE = lab.pick(96, quick=64)


def spread(values):
    """Mean and standard deviation over the seeds, in percent."""
    values = 100 * np.array(values)
    deviation = f" ± {values.std(ddof=1):.1f}" if len(values) > 1 else ""
    return f"{values.mean():.1f}{deviation}"


# %% [markdown]
# ## Two kinds of images
#
# *Similar* to photographs of ImageNet: pictures of animals, food, plants, towns and vehicles, from
# Debian's package `tuxpaint-stamps-default` (many are photographs, cut out). *Different*: clothes
# of Fashion-MNIST, grey, 28 × 28 pixels, enlarged.

# %%
STAMPS = Path("/usr/share/tuxpaint/stamps")
KINDS = ("animals", "food", "plants", "town", "vehicles")


def read_stamp(path):
    """On white, uint8 [SIZE, SIZE, 3]."""
    stamp = Image.open(path).convert("RGBA")
    side = max(stamp.size)
    square = Image.new("RGBA", (side, side), "white")
    square.alpha_composite(stamp, ((side - stamp.width) // 2, (side - stamp.height) // 2))
    return np.asarray(square.convert("RGB").resize((SIZE, SIZE), Image.Resampling.BICUBIC))


def all_stamps():
    """Images and labels, without mirrored variants, in a drawn order."""
    found = []
    for label, kind in enumerate(KINDS):
        files = sorted((STAMPS / kind).rglob("*.png"))
        files = [file for file in files if not file.stem.endswith(("_mirror", "_flip"))]
        step = lab.pick(1, quick=-(-len(files) // 16))
        found += [(file, label) for file in files[::step]]
    order = np.random.default_rng(0).permutation(len(found))
    chosen = [found[number] for number in order]
    return np.stack([read_stamp(file) for file, _ in chosen]), np.array([n for _, n in chosen])


def write_set(name, count):
    """An .npz with `count` images to train; its path. The test images are always the same."""
    path = lab.folder / f"{name}-{count}.npz"
    if path.exists():
        return path
    images, labels, names = SETS[name]
    tests = lab.pick({"pictures": 120, "clothes": 1_000}, quick={"pictures": 24, "clothes": 40})
    test = tests[name]
    np.savez(
        path,
        x_train=images[test : test + count],
        y_train=labels[test : test + count],
        x_test=images[:test],
        y_test=labels[:test],
        class_names=np.array(names),
    )
    return path


SETS = {}
if STAMPS.is_dir():
    SETS["pictures"] = (*all_stamps(), KINDS)
clothes = lab.data("fashion-mnist", quick_images=200)
if clothes:
    samples = nunbit.load_data(clothes.source).samples
    order = np.random.default_rng(0).permutation(len(samples))[:6_000]
    SETS["clothes"] = (samples.images.array[order], samples.labels[order], samples.classes)
for name, (images, _, names) in SETS.items():
    print(f"{name}: {len(images):,} images, {len(names)} classes")

# %% tags=["hide-input"]
figure, axes = lab.subplots(len(SETS), 8, size=(9.4, 1.3 * len(SETS)), squeeze=False)
for row, (images, labels, names) in zip(axes, SETS.values(), strict=True):
    for axis, image, label in zip(row, images, labels, strict=False):
        axis.imshow(image)
        axis.set(xticks=[], yticks=[])
        axis.set_title(names[label], fontsize=8)
        axis.grid(False)
lab.show(figure, description="A row of images of each set, with the names of their classes.")

# %% [markdown]
# ## A head on features
#
# The cheapest plan: the network stays as it is. What reaches its last layer, 1,280 numbers of each
# image, is computed once, and only a new last layer, the *head*, is fitted. Against it stands a
# small network that begins with random weights and learns everything from our images.
#
# > **Predict first.** In which of the two sets does the head lead by more? Does its lead grow or
# > shrink with the number of images?
#
# <details><summary>Answer</summary>
#
# By more in the pictures: they are like the images that the features come from, and what the head
# gets for nothing there took a million images to learn. Clothes look like nothing in ImageNet, so
# the small network may well be ahead. Where the head leads, expect its lead to shrink: every
# further image teaches the small network more than the head. But with a handful of images to a
# class, both depend on which these are: compare with the spread. And features have a price: made
# from images much smaller than the 224 pixels that the weights know, they lose much of their worth.
#
# </details>

# %%
COUNTS = lab.pick(
    {"pictures": [30, 60, 120, 220], "clothes": [60, 120, 300, 1_000]},
    quick={"pictures": [40], "clothes": [40]},
)
SEEDS = lab.seeds(3, quick=1)
curves = {}
for name in SETS:
    for count in COUNTS[name]:
        file = write_set(name, count)
        head = lab.train(
            "head",
            file,
            seeds=SEEDS,
            pretrained=WEIGHTS,
            image_size=SIZE,
            settings={"transfer.mode": "head"},
        )
        scratch = lab.train(
            "scratch",
            file,
            seeds=SEEDS,
            model="smallcnn",
            image_size=32,
            epochs=lab.pick("auto", quick=5),
        )
        curves[name, count] = {"head": accuracies(head), "scratch": accuracies(scratch)}
pd.DataFrame(
    [
        {
            "set": name,
            "images to train": count,
            "head on pretrained, %": spread(found["head"]),
            "from scratch, %": spread(found["scratch"]),
            "seeds": len(found["head"]),
        }
        for (name, count), found in curves.items()
    ]
)

# %% tags=["hide-input"]
figure, axes = lab.subplots(1, 2, size=(9.2, 3), sharey=True)
for axis, name in zip(axes, SETS, strict=False):
    for way, marker, colour in (("head", "o-", style.BLUE), ("scratch", "s--", style.ORANGE)):
        found = [100 * np.array(curves[name, count][way]) for count in COUNTS[name]]
        means, lows, highs = (list(map(of, found)) for of in (np.mean, np.min, np.max))
        axis.plot(COUNTS[name], means, marker, color=colour, label=way)
        axis.fill_between(COUNTS[name], lows, highs, color=colour, alpha=0.15)
    axis.set(title=name, xlabel="images to train", xscale="log", ylim=(0, 100))
    axis.set_xticks(COUNTS[name], [f"{count:,}" for count in COUNTS[name]])
    axis.minorticks_off()
axes[0].set_ylabel("accuracy, %")
axes[0].legend()
lab.show(
    figure,
    description="Accuracy against the number of training images, for both sets: a head on "
    "pretrained features, and a network from scratch.",
    caption="Mean over the seeds; the shade is the range.",
)

# %% [markdown]
# ## How much should learn?
#
# The rule of the notes:
#
# | | similar images | different images |
# | --- | --- | --- |
# | **few** | the head | some convolutions and the head |
# | **many** | the last convolutions and the head | everything |
#
# The fewer images, the fewer weights they can teach; the less similar, the less of what was learned
# is of use. In the library these plans are called `head`, `last-stage` and `all`.
#
# > **Predict first.** For each of the rows below: which plan wins, and by more than the spread of
# > the seeds?
#
# <details><summary>Answer</summary>
#
# A plan that leads by less than the seeds differ has not won. Beyond that, do not be surprised if
# `all` holds its own where the rule advises against it. The rule fears that few images spoil many
# weights. But in the library every plan begins with the fitted head and takes small steps, the
# smaller the nearer a layer is to the input, so that little is spoiled. And images much smaller
# than those of ImageNet leave something to relearn. For the clothes, compare with the small network
# above, too: what is pretrained need not be best.
#
# The rule is a rule of thumb, and does not say where "few" ends. The library therefore measures:
# with `--transfer auto` its adviser tries each plan in small on your own images before it
# recommends one, and `nunbit advise` shows the evidence.
#
# </details>

# %%
PLANS = lab.pick(("head", "last-stage", "all"), quick=("head", "all"))
rows, tuned = [], {}
for name in SETS:
    counts = COUNTS[name]
    for amount, count in {"few": counts[0], "many": counts[-1]}.items():
        if amount == "few" and len(counts) == 1:
            continue
        row = {"set": name, "images": f"{amount}: {count:,}"}
        for plan in PLANS:
            runs = lab.train(
                "head" if plan == "head" else "plan",
                write_set(name, count),
                seeds=SEEDS,
                pretrained=WEIGHTS,
                image_size=SIZE,
                settings={"transfer.mode": plan}
                if plan == "head"
                else {"transfer.mode": plan, "training.epochs": lab.pick(8, quick=1)},
            )
            tuned[name, amount, plan] = accuracies(runs)
            row[f"{plan}, %"] = spread(tuned[name, amount, plan])
        row["best"] = max(PLANS, key=lambda plan: np.mean(tuned[name, amount, plan]))
        rows.append(row)
pd.DataFrame(rows)

# %% tags=["hide-input"]
for (name, count), found in curves.items():
    for way, values in {"a head on pretrained": "head", "from scratch": "scratch"}.items():
        lab.record(f"{name}, {count:,} images, {way}: accuracy", found[values])
for (name, amount, plan), values in tuned.items():
    if plan != "head":
        lab.record(f"{name}, {amount} images, {plan}: accuracy", values)
lab.compare(
    "resnet18, 385 photographs of cats and dogs, 13 epochs: test",
    None,
    Published(0.9388, digits=2, unit="%"),
    remark="the photographs cannot be had here",
)
heads = nunbit.create_model("vgg16-head", classes=10)
linear = [layer for layer in heads.modules() if isinstance(layer, torch.nn.Linear)]
lab.compare(
    "vgg16-head: parameters of the head",
    sum(p.numel() for layer in linear for p in layer.parameters()),
    Published(26_160, digits=0),
    comparable=True,
)

# %% [markdown]
# Two traps wait here, and lab 18 measures both: "frozen" layers whose batch statistics move, and
# images that are not normalised as the weights know it. In the library, what does not learn is in
# evaluation mode, and the normalisation comes with the weights.

# %% [markdown]
# ## Exercises
#
# `nunbit lab 14 --solution` shows worked solutions.
#
# **1. The rule.** Write the table above as a function: `plan_for(many, similar)`, both True or
# False, answers `"head"`, `"last"` (some or the last convolutions and the head) or `"all"`.

# %% exercise="rule"
plan_for = None


# %% tags=["hide-input"]
def is_rule(function):
    table = {
        (False, True): "head",
        (False, False): "last",
        (True, True): "last",
        (True, False): "all",
    }
    for (many, similar), wanted in table.items():
        assert function(many, similar) == wanted, f"many: {many}, similar: {similar}"


lab.check("rule", plan_for, is_rule)

# %% [markdown]
# **2. The size of a head.** A head takes 1,280 features, with a weight for each feature and class,
# and a bias for each class. How many parameters has it for five classes?

# %% exercise="size"
size_of_head = None


# %% tags=["hide-input"]
def is_size(value):
    wanted = sum(p.numel() for p in torch.nn.Linear(1_280, 5).parameters())
    assert value == wanted, "weights: features times classes; biases: classes"


lab.check("size", size_of_head, is_size)
