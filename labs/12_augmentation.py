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
#     minutes: 67
#     quick_seconds: 20
# ---

# %% [markdown]
# # 12 · Augmentation
#
# Training images are changed at random, differently in every epoch: mirrored, moved, darkened. That
# gives the network more to learn from, as long as a changed image still shows what its label says.
# We look at every change that the library has, and then measure which help on Fashion-MNIST and
# which harm.

# %%
import zlib

import numpy as np
import pandas as pd
from sklearn.datasets import load_sample_image

import nunbit
from nunbit_labs import Published, accuracies, augmented, open_lab, style

lab = open_lab("12_augmentation")

# %% [markdown]
# ## The gallery
#
# An augmentation is a preset of the library, or a file that lists operations. We write such files,
# and look at what each operation makes of a photograph (it comes with scikit-learn).


# %%
def operation(name, **parameters):
    """The lines of one operation, that happens to every image if nothing else is said."""
    lines = ["[[operations]]", f'name = "{name}"']
    for key, value in {"probability": 1.0, **parameters}.items():
        lines.append(f"{key} = {str(value) if not isinstance(value, str) else repr(value)}")
    return "\n".join(lines) + "\n"


def written(title, text):
    """The file of an augmentation; another text is another file."""
    lab.folder.mkdir(parents=True, exist_ok=True)
    name = title.replace(" ", "-").replace(":", "")  # no colon in the names of Windows
    path = lab.folder / f"{name}-{zlib.crc32(text.encode()):08x}.toml"
    path.write_text(text, encoding="utf-8")
    return path


print(operation("rotation", degrees=30, border="wrap"))
photograph = load_sample_image("flower.jpg")[40:424:3, 110:494:3]  # 128 x 128 pixels
PLACES = {
    "horizontal flip": operation("horizontal-flip"),
    "vertical flip": operation("vertical-flip"),
    "quarter turns": operation("random-rotation-90"),
    "rotation, reflect": operation("rotation", degrees=45),
    "rotation, wrap": operation("rotation", degrees=45, border="wrap"),
    "rotation, constant": operation("rotation", degrees=45, border="constant"),
    "shift-scale-rotate": operation("shift-scale-rotate"),
    "width shift": operation("width-shift", fraction=0.25),
    "height shift": operation("height-shift", fraction=0.25),
    "zoom": operation("zoom", factor=[0.6, 1.6]),
    "crop": operation("crop", share=[0.5, 0.8]),
    "centre crop": operation("centre-crop", share=[0.6, 0.6]),
    "resize": operation("resize", share=[0.1, 0.3]),
    "random resized crop": operation("random-resized-crop", scale=[0.1, 0.6]),
    "coarse dropout": operation("coarse-dropout"),
    "erase": operation("erase", fraction=0.5),
}
VALUES = {
    "brightness-contrast": operation("brightness-contrast", brightness=0.5, contrast=0.5),
    "brightness range": operation("brightness-range", factor=[0.3, 1.8]),
    "hue-saturation-value": operation("hue-saturation-value", hue=0.2, saturation=0.4),
    "colour jitter": operation("colour-jitter", hue=0.3),
    "channel shuffle": operation("channel-shuffle"),
    "CLAHE": operation("clahe", clip_limit=[2.0, 8.0]),
    "Gaussian noise": operation("gaussian-noise", deviation=[0.05, 0.2]),
    "blur": operation("blur", deviation=[1.0, 4.0]),
    "compose: flip and blur": operation("horizontal-flip")
    + operation("blur", deviation=[2.0, 2.0]),
    "one of: flip or noise": '[[operations]]\nname = "one-of"\n'
    + "".join(
        part.replace("[[operations]]", "[[operations.operations]]")
        for part in (
            operation("horizontal-flip"),
            operation("gaussian-noise", deviation=[0.15, 0.15]),
        )
    ),
}

# %% [markdown]
# > **Predict first.** Which of these keep what the picture shows? Which would you rather not use
# > for clothes, for handwritten digits, for cells under a microscope?
#
# <details><summary>Answer</summary>
#
# It depends on the task, and nobody can know it but you. A mirrored shoe is a shoe, a mirrored 3 is
# none, and a 6 that is turned round is a 9. Under a microscope no direction is up. Changed colours
# do no harm to the shape of a flower, but they do when the colour tells its kind.
#
# </details>


# %% tags=["hide-input"]
def gallery(images, texts, *, columns, times, size):
    """A field for each augmentation: its name above its results, side by side."""
    rows = -(-len(texts) // columns)
    figure, axes = lab.subplots(rows, columns, size=size)
    for axis in axes.ravel():
        axis.set_axis_off()
    for axis, (title, text) in zip(axes.ravel(), texts.items(), strict=False):
        axis.set_title(title, fontsize=9)
        try:
            found = augmented(images, written(title, text), times=times, seed=1)
        except nunbit.NunbitError as error:  # an operation whose package is missing
            axis.text(0, 0.5, str(error)[:40], fontsize=7)
            continue
        rows_of_results = [np.concatenate(list(results), axis=1) for results in found]
        strip = np.concatenate(rows_of_results, axis=0)
        axis.imshow(strip, vmin=0, vmax=255)
    return figure


originals = photograph[None]
lab.show(
    gallery(originals, {"the original": operation("resize", share=[1.0, 1.0])} | PLACES,
            columns=3, times=3, size=(9.4, 8.0)),
    description="The original photograph of a flower, and three results of each of sixteen "
    "operations that move, turn, cut or cover.",
    caption="Operations on places: three results of each.",
)  # fmt: skip
lab.show(
    gallery(originals, VALUES, columns=3, times=3, size=(9.4, 5.4)),
    description="Three results of each of eight operations that change light, colour or sharpness, "
    "and of two combinations.",
    caption="Operations on values, and two combinations.",
)

# %% [markdown]
# ## How strange are they to a network?
#
# Now Fashion-MNIST. We train a network on a small part of it, unchanged, and then show it *test*
# images that were changed. Those that it still knows lie near what it has seen.
#
# > **Predict first.** Trained on upright clothes, which change confuses the network most: a mirror,
# > a small shift, upside down, or a little noise?
#
# <details><summary>Answer</summary>
#
# Upside down: that is far from anything seen. The mirror comes next. It hardly matters to shirts
# and trousers, but nearly all shoes point the same way in these data. Small shifts and noise keep
# the label; look for yourself how well the network knows that.
#
# </details>

# %%
data = lab.data("fashion-mnist", quick_images=400)
print(data.why)

MOST = lab.pick(5000, quick=200)  # images to learn from, the validation images included
AUGMENTATIONS = {
    "none": "",
    "flip": operation("horizontal-flip", probability=0.5),
    "shift": operation("shift"),
    "rotation 15°": operation("rotation", degrees=15, border="constant"),
    "rotation 180°": operation("rotation", degrees=180, border="constant"),
    "upside down": operation("vertical-flip", probability=0.5),
    "crop": operation("random-resized-crop", scale=[0.3, 1.0]),
    "light": operation("brightness-contrast"),
    "noise": operation("gaussian-noise", deviation=[0.02, 0.1]),
    "erase": operation("erase"),
    "cut-mix": operation("cut-mix", probability=0.5),
}


def part_of_data(images):
    """A file with so many training images and all test images."""
    samples = nunbit.load_data(data.source).samples
    pixels = samples.images.array
    is_test = np.array([path.startswith("test/") for path in samples.paths])
    training = np.random.default_rng(0).permutation(np.flatnonzero(~is_test))[:images]
    path = lab.folder / f"fashion-{images}.npz"
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(
        path,
        x_train=pixels[training],
        y_train=samples.labels[training],
        x_test=pixels[is_test],
        y_test=samples.labels[is_test],
        class_names=np.array(samples.classes),
    )
    return path, pixels[is_test], samples.labels[is_test], samples.classes


def train(key, source, text, *, seeds, epochs):
    """`fashion-cnn` with an augmentation, for each seed."""
    return lab.train(
        key,
        source,
        seeds=seeds,
        model="fashion-cnn",
        epochs=epochs,
        augment=str(written(key, text)) if text else "none",
    )


epochs = lab.pick(20, quick=1)
seeds = lab.seeds(3)
trained = {}
if data:
    source, test_pixels, test_labels, classes = part_of_data(MOST)
    trained["none"] = train("none", source, "", seeds=seeds, epochs=epochs)

# %%
if data:
    shown = slice(0, lab.pick(2000, quick=80))
    names = np.array(classes)[test_labels[shown]]
    classifiers = [nunbit.load(run.folder) for run in trained["none"]]
    changes = {
        "unchanged": operation("resize", share=[1.0, 1.0]),
        **{title: text.replace("probability = 0.5", "probability = 1.0")
           for title, text in AUGMENTATIONS.items() if text and title != "cut-mix"},
    }  # fmt: skip
    known = {
        title: [
            np.mean(one.predict(augmented(
                test_pixels[shown], written(title, text), times=1, seed=0)[:, 0]) == names)
            for one in classifiers
        ]
        for title, text in changes.items()
    }  # fmt: skip


# %% tags=["hide-input"]
def draw_shares(found, *, label, reference):
    """A row for each: every seed a dot, the mean a bar; dotted, the mean of one of them."""
    figure, axes = lab.subplots(size=(7.4, 0.28 * len(found) + 0.8))
    for row, (_, values) in enumerate(reversed(found.items())):
        axes.plot([100 * np.mean(values)], [row], "|", color=style.INK, markersize=14)
        axes.plot(100 * np.array(values), [row] * len(values), "o", color=style.BLUE, markersize=5)
    axes.axvline(100 * np.mean(found[reference]), color=style.SOFT, linestyle=":", linewidth=1)
    axes.set_yticks(range(len(found)), list(reversed(found)))
    axes.set(xlabel=label)
    axes.grid(visible=False, axis="y")
    return figure


if data:
    lab.show(
        gallery(test_pixels[[0, 2]], changes | {
            "cut-mix": AUGMENTATIONS["cut-mix"].replace("0.5", "1.0")},
            columns=4, times=5, size=(9.4, 4.2)),
        description="Five results of each change on two test images.",
        caption="Two test images, five results of each change.",
    )  # fmt: skip
    lab.show(
        draw_shares(known, label="still right, % of the test images", reference="unchanged"),
        description="A row for each change: the share of test images that the network still "
        "classifies rightly. A dotted line marks the unchanged ones.",
        caption=f"{len(classifiers)} networks, {len(names)} images. Dots: seeds; bars: their mean.",
    )

# %% [markdown]
# ## What helps, and what harms?
#
# The same network is trained from scratch with each augmentation. The test images are as they are:
# only training images are ever changed.
#
# > **Predict first.** Order them: mirror, small shift, any turn, upside down, covered squares.
# > Which will be better than none, which worse? Must a change that confuses the network be useless
# > to learn from?
#
# <details><summary>Answer</summary>
#
# Test images are never upside down nor turned by any angle, so the network spends itself on what
# nobody will ask. A mirror, a small shift or a covered part shows it what might well have been
# among the images. A change that confuses the network and keeps the label is the very one to learn
# from; one that takes it where no test image lies is not. How large the steps are is for the
# measurement to say: what harms may harm much, and what helps may help by little more than the
# seeds differ.
#
# </details>

# %%
if data:
    chosen = lab.pick(list(AUGMENTATIONS), quick=["none", "flip", "upside down", "erase"])
    for title in chosen:
        trained[title] = train(title, source, AUGMENTATIONS[title], seeds=seeds, epochs=epochs)
    tested = {title: accuracies(runs) for title, runs in trained.items()}
    rows = []
    for title, values in tested.items():
        gains = 100 * (np.array(values) - np.array(tested["none"]))
        last = [
            pd.read_json(r.folder / "metrics.jsonl", lines=True).iloc[-1] for r in trained[title]
        ]
        rows.append(
            {
                "augmentation": title,
                "test accuracy, %": f"{100 * np.mean(values):.2f}",
                "against none, points": f"{gains.mean():+.2f}",
                "seeds": ", ".join(f"{gain:+.2f}" for gain in gains),
                "training accuracy, %": f"{100 * np.mean([e['train_accuracy'] for e in last]):.1f}",
            }
        )
    n = trained["none"][0].summary["n"]
    for title, runs in trained.items():
        lab.record(
            f"{n['train']:,} images of Fashion-MNIST, fashion-cnn, augmentation {title}",
            tested[title],
            digits=2,
            images=n["test"],
            seconds=runs.seconds,
        )
    print(f"{n['train']} images to learn from, {n['test']} to test on, {epochs} epochs")
    lab.show(pd.DataFrame(rows))
    lab.show(
        draw_shares(tested, label="test accuracy, %", reference="none"),
        description="A row for each augmentation: the test accuracy of every seed and the mean; a "
        "dotted line marks training without augmentation.",
    )

# %% [markdown]
# The training accuracy is that of the changed images, which are harder, so it says little. (A quick
# run learns for too short a time for any of this to show.)

# %% [markdown]
# ## Is it like having more images?
#
# > **Predict first.** We learn from few images and from many, each with and without augmentation.
# > Where does it bring more? And what would three times as many images bring?
#
# <details><summary>Answer</summary>
#
# New images bring far more: variants cannot replace them. Where the variants bring more is
# not as clear as it sounds. They tell most to a network that has seen little else, but it must have
# the time to look at them: all sets learn for as many epochs, so few images also make few steps.
# Compare the gap between the lines with the shade.
#
# </details>

# %%
if data:
    mixture = AUGMENTATIONS["flip"] + operation("erase")
    sizes = lab.pick([300, 1000, 3000], quick=[60, 200])
    few_seeds = lab.seeds(3, quick=1)
    curves = {"without": [], "flip and erase": []}
    for size in sizes:
        place = part_of_data(size)[0]
        for title, text in {"without": "", "flip and erase": mixture}.items():
            runs = train(f"size {title}", place, text, seeds=few_seeds, epochs=epochs)
            curves[title].append(accuracies(runs))
    figure, axes = lab.subplots(size=(7.4, 3.6))
    for (title, found), line in zip(curves.items(), ["o-", "s--"], strict=True):
        percent = 100 * np.array(found)
        axes.plot(sizes, percent.mean(axis=1), line, label=title)
        axes.fill_between(sizes, percent.min(axis=1), percent.max(axis=1), alpha=0.15)
    axes.set(xscale="log", xlabel="images to learn from", ylabel="test accuracy, %")
    axes.set_xticks(sizes, [f"{size:,}" for size in sizes])
    axes.minorticks_off()
    axes.legend()
    lab.show(
        figure,
        description="Test accuracy against the number of training images, with and without "
        "augmentation.",
        caption=f"Mean over the seeds ({len(few_seeds)}); the shade is the range.",
    )

# %% [markdown]
# ## Two points by augmentation?
#
# The notes report 86.93 % for a fully connected network, and 89.05 % for one with mirrored images:
# two points more. But the second also has dropout twice, normalised pixels, and 50 epochs instead
# of 30.
#
# > **Predict first.** How much of the two points is left for the mirror alone?
#
# <details><summary>Answer</summary>
#
# Whoever changes four things at once cannot know. So we add the mirror alone to the first, and take
# it alone from the second. Do not expect much: variants help against learning by heart, and a
# network that has not yet learned its images so far has little use for them. Whether the two agree
# is worth a look, too: what one thing brings may depend on the others. (Lab 06 finds out which of
# the four it was.)
#
# </details>

# %%
PLAIN = {
    "training.optimizer": "sgd",
    "training.learning_rate": 0.01,
    "training.momentum": 0.0,
    "training.weight_decay": 0.0,
    "training.schedule": "constant",
    "training.batch_size": 64,
    "pixels.scaling": "zero-one",
    "checkpoint.deploy": "last",
    "model.dropout": 0.0,
}
OTHERS = {"pixels.scaling": "z-score", "model.dropout": 0.2}
STEPS = {
    "a: plain": (30, "none", {}),
    "a with the mirror": (30, "clothes", {}),
    "b without the mirror": (50, "none", OTHERS),
    "b: everything": (50, "clothes", OTHERS),
}
steps = {}
if data:
    for title, (length, preset, changed) in STEPS.items():
        steps[title] = lab.train(
            "points",
            data,
            seeds=lab.seeds(3, quick=1),
            model="fashion-dnn",
            epochs=lab.pick(length, quick=1),
            augment=preset,
            settings={**PLAIN, **changed},
        )
    shares = {title: accuracies(runs) for title, runs in steps.items()}
    lab.show(
        pd.DataFrame(
            [
                {
                    "training": title,
                    "test accuracy, %": f"{100 * np.mean(values):.2f}",
                    "seeds": ", ".join(f"{100 * value:.2f}" for value in values),
                }
                for title, values in shares.items()
            ]
        )
    )
    for title, after, before in (
        ("everything", "b: everything", "a: plain"),
        ("the mirror, added to a", "a with the mirror", "a: plain"),
        ("the mirror, taken from b", "b: everything", "b without the mirror"),
    ):
        gains = 100 * (np.array(shares[after]) - np.array(shares[before]))
        print(f"{title}: {gains.mean():+.2f} points ({', '.join(f'{g:+.2f}' for g in gains)})")

# %% tags=["hide-input"]
published = Published(0.0212, digits=2, unit="points")
if data:
    gains = np.array(shares["b: everything"]) - np.array(shares["a: plain"])
    lab.compare(
        "Fashion-MNIST, fashion-dnn: gain of 06 b over a",
        gains,
        published,
        goal="higher",
        images=steps["a: plain"][0].summary["n"]["test"],
        seconds=sum(runs.seconds for runs in steps.values()),
        remark="published are the best epochs on the test images, ours the last ones",
    )
else:
    lab.compare(
        "Fashion-MNIST, fashion-dnn: gain of 06 b over a",
        None,
        published,
        remark=data.why,
    )

# %% [markdown]
# ## Exercises
#
# `nunbit lab 12 --solution` shows worked solutions.
#
# **1. Mirror.** Write the mirror, left and right exchanged, for grey images [N, H, W].

# %% exercise="mirror"
mirror = None  # a function: def mirror(images): return ...


# %% tags=["hide-input"]
def is_mirror(function):
    images = np.random.default_rng(0).integers(0, 256, (3, 5, 7)).astype(np.uint8)
    wanted = augmented(images, written("mirror", operation("horizontal-flip")), times=1, seed=0)
    found = np.asarray(function(images.copy()))
    assert found.shape == images.shape, "the images keep their shape"
    assert np.array_equal(found, wanted[:, 0]), "the columns come in the opposite order"


lab.check("mirror", mirror, is_mirror)

# %% [markdown]
# **2. How many pictures?** A picture without any symmetry is mirrored or not, and then turned by a
# quarter, a half, three quarters or not at all. How many different pictures can come of it? And if
# it may be turned upside down (a mirror of top and bottom) as well?

# %% exercise="count"
pictures = None  # two numbers


# %% tags=["hide-input"]
def is_count(numbers):
    picture = np.arange(16, dtype=np.uint8).reshape(1, 4, 4)
    flip, turn = operation("horizontal-flip", probability=0.5), operation("random-rotation-90")
    wanted = []
    for text in (flip + turn, operation("vertical-flip", probability=0.5) + flip + turn):
        found = augmented(picture, written("count", text), times=500, seed=0)[0]
        wanted.append(len({one.tobytes() for one in found}))
    assert list(numbers) == wanted, "try it with augmented(...), or with a sheet of paper"


lab.check("count", pictures, is_count)

# %% [markdown]
# **3. For digits.** Choose among `shift`, `horizontal-flip`, `vertical-flip`, `rotation-10`,
# `rotation-180`, `brightness`: the set of those that would make some handwritten digits into
# another digit, or into none.

# %% exercise="digits"
harmful = None  # a set of names


# %% tags=["hide-input"]
def is_harmful(names):
    offered = {
        "shift", "horizontal-flip", "vertical-flip", "rotation-10", "rotation-180", "brightness",
    }  # fmt: skip
    names = set(names)
    assert names <= offered, f"not offered: {', '.join(sorted(names - offered))}"
    wanted = {"horizontal-flip", "vertical-flip", "rotation-180"}
    assert not names - wanted, "a digit that is hardly moved, turned or lit stays what it is"
    assert not wanted - names, "think of 2, 6 and 7 with each of them"


lab.check("digits", harmful, is_harmful)
