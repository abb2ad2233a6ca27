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
#     minutes: 8
#     quick_seconds: 25
# ---

# %% [markdown]
# # 18 · Traps
#
# Fourteen ways to get a wrong number from a right-looking program. All were found in real teaching
# notes. Each is shown as it happens: the wrong code, what it costs, and what the library does about
# it. Some cost fifty points, some nothing at all, and some make the result look better.

# %%
import copy
import csv
import shutil
import tempfile
import textwrap
import weakref
from pathlib import Path

import matplotlib.image
import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from PIL import Image
from sklearn.datasets import load_digits, load_sample_image

import nunbit
from nunbit_labs import Published, accuracies, open_lab, style

lab = open_lab("18_traps")

# %% [markdown]
# ## What all experiments share
#
# A network of the catalogue, a training loop of ten lines, and images of Fashion-MNIST. Whatever
# is not under test stays the same in both arms of an experiment, the seed too.

# %%
data = lab.data("fashion-mnist", quick_images=1_000)
lab.needs(data)  # without them, the rest is left out
samples = nunbit.load_data(data.source).samples
CLASSES = samples.classes
PIXELS = torch.tensor(samples.images.array).permute(0, 3, 1, 2)  # uint8 [N, 1, 28, 28]
LABELS = torch.tensor(samples.labels)
part = np.array(samples.parts)
order = np.random.default_rng(0).permutation(np.flatnonzero(part == "train"))
TRAIN = torch.tensor(order[:10_000])  # enough for these questions
TEST = torch.tensor(np.flatnonzero(part == "test"))
print(f"{len(TRAIN):,} images to train, {len(TEST):,} to test")


def ready(pixels, mean=0.2860, std=0.3530):
    """uint8 pixels as a network sees them."""
    return (pixels / 255 - mean) / std


X_TRAIN, Y_TRAIN = ready(PIXELS[TRAIN]), LABELS[TRAIN]
X_TEST, Y_TEST = ready(PIXELS[TEST]), LABELS[TEST]


def new_network(seed, model="mlp-64-128", **shape):
    return nunbit.create_model(model, classes=10, generator_seed=seed, **shape)


def fit(network, images, labels, *, seed, epochs, ending=lambda z: z, after_epoch=None):
    """Adam, cross entropy, batches of 50; the order is drawn from the seed."""
    random = torch.Generator().manual_seed(seed)
    learning = [p for p in network.parameters() if p.requires_grad]
    optimiser = torch.optim.Adam(learning, lr=1e-3)
    for _ in range(epochs):
        for rows in torch.randperm(len(images), generator=random).split(50):
            loss = F.cross_entropy(ending(network(images[rows])), labels[rows])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
        if after_epoch:
            after_epoch(network)
    return network


@torch.no_grad()
def accuracy(network, images, labels):
    return float((network(images).argmax(1) == labels).float().mean())


def spread(values, unit=100):
    """Mean and standard deviation over the seeds, in percent."""
    values = unit * np.array(values)
    deviation = f" ± {values.std(ddof=1):.2f}" if len(values) > 1 else ""
    return f"{values.mean():.2f}{deviation}"


SEEDS = lab.seeds(5, quick=2)
EPOCHS = 5


# %% tags=["hide-input"]
def on_record(trap, wrong, right, images=None):
    """The wrong way's share less the right one's, seed by seed, for the table of all results."""
    differences = [one - other for one, other in zip(wrong, right, strict=True)]
    lab.record(f"trap {trap}", differences, unit="points", digits=2, images=images or len(TEST))


# %% [markdown]
# The library's own training gives the networks that some traps need: `fashion-cnn`, one for each
# seed.

# %%
trained = lab.train(
    "cnn", data, seeds=lab.seeds(3), model="fashion-cnn", epochs=lab.pick(3, quick=2)
)
classifiers = [nunbit.load(run.folder) for run in trained]
print("accuracy on the test part, %:", spread(accuracies(trained)))

# %% [markdown]
# ## 1. Softmax twice
#
# `cross_entropy` of PyTorch applies the softmax itself. A network that ends in a softmax gets it
# twice; and a softmax over the wrong dimension makes the images of a batch compete.
#
# > **Predict first.** Will a network with two softmaxes learn nothing, learn more slowly, or stop
# > at a certain loss?
#
# <details><summary>Answer</summary>
#
# It learns, which is why nobody notices. But the probabilities 1 and 0 are taken for logits, and
# even a perfect answer leaves a loss of $-\ln(e / (e + 9)) \approx 1.46$. Its slopes are small and
# vanish for confident mistakes. The wrong dimension is worse: what is said of an image depends on
# its neighbours in the batch. Besides, the shares of a class add up to 1 over the whole batch, so
# in a large one they are tiny, and the loss hardly leaves $\ln 10$, that of guessing.
#
# </details>

# %%
ENDINGS = {
    "logits": lambda z: z,
    "softmax before the loss": lambda z: z.softmax(dim=1),
    "softmax over the batch": lambda z: z.softmax(dim=0),
}


def train_with_ending(seed, ending, epochs):
    end = ENDINGS[ending]
    network = fit(new_network(seed), X_TRAIN, Y_TRAIN, seed=seed, epochs=epochs, ending=end)
    with torch.no_grad():
        outputs = end(network(X_TEST))
    return {
        "accuracy": float((outputs.argmax(1) == Y_TEST).float().mean()),
        "loss": float(F.cross_entropy(outputs, Y_TEST)),
    }


rows, right = [], {}
for ending in ENDINGS:
    found = lab.repeat("softmax", train_with_ending, seeds=SEEDS, ending=ending, epochs=EPOCHS)
    right[ending] = [one["accuracy"] for one in found]
    rows.append(
        {
            "the network ends in": ending,
            "accuracy, %": spread(right[ending]),
            "loss": spread([one["loss"] for one in found], unit=1),
            "seeds": len(found),
        }
    )
pd.DataFrame(rows)

# %% tags=["hide-input"]
on_record("1, softmax twice: accuracy", right["softmax before the loss"], right["logits"])
on_record("1, softmax over the batch: accuracy", right["softmax over the batch"], right["logits"])

# %%
# What the library does: every network of the catalogue gives logits.
for name in ("mlp-64-128", "fashion-dnn", "fashion-cnn", "mnist-cnn"):
    with torch.no_grad():
        sums = new_network(0, name).eval()(X_TEST[:50]).sum(dim=1)
    assert (sums - 1).abs().max() > 1e-3  # probabilities would add up to 1
    print(f"{name}: sums of the outputs from {sums.min():.2f} to {sums.max():.2f}")

# %% [markdown]
# ## 2. Testing in training mode
#
# Without `network.eval()`, dropout goes on drawing, and batch normalisation takes its numbers from
# the batch at hand. Then the answer for an image depends on chance and on the company it is in.
# In shuffled batches it may cost so little that nobody notices. Test folders are often read class
# by class: that is the worst company.


# %%
@torch.no_grad()
def answers_of(classifier, rows, batch_size, *, seed, training):
    network = copy.deepcopy(classifier.model).train(training)
    torch.manual_seed(seed)
    images = classifier.preprocess.normalise(PIXELS[TEST])
    return torch.cat([network(images[some]).argmax(1) for some in rows.split(batch_size)])


SHUFFLED = torch.randperm(len(TEST), generator=torch.Generator().manual_seed(0))[:2_000]
BY_CLASS = SHUFFLED[Y_TEST[SHUFFLED].argsort()]  # as class folders are read
plain = [answers_of(one, SHUFFLED, 100, seed=0, training=False) for one in classifiers]
evaluated = [float((found == Y_TEST[SHUFFLED]).float().mean()) for found in plain]
rows = [{"mode": "evaluation", "accuracy, %": spread(evaluated)}]
for order_name, some in {"shuffled": SHUFFLED, "class by class": BY_CLASS}.items():
    for batch_size in (100, 10):
        right, other = [], []
        for seed, classifier in enumerate(classifiers):
            first = answers_of(classifier, some, batch_size, seed=seed, training=True)
            again = answers_of(classifier, some, batch_size, seed=seed + 100, training=True)
            right.append(float((first == Y_TEST[some]).float().mean()))
            other.append(float((first != again).float().mean()))
        rows.append(
            {
                "mode": f"training, batches of {batch_size}, {order_name}",
                "accuracy, %": spread(right),
                "answers that change, %": spread(other),
            }
        )
pd.DataFrame(rows).fillna("0")

# %% tags=["hide-input"]
on_record(
    "2, tested in training mode, class by class, batches of 10: accuracy",
    right,
    evaluated,
    images=len(SHUFFLED),
)

# %% [markdown]
# The second half of this trap: `losses.append(loss)` instead of `losses.append(loss.item())`. Each
# kept loss holds everything that its gradient would need. We count the bytes that are still held,
# without the weights, which are there anyway.


# %%
alive = weakref.WeakSet()


class Held:
    """A tensor that autograd keeps for as long as the loss is kept."""

    def __init__(self, tensor):
        self.tensor = tensor.detach()  # else it would hold itself
        alive.add(self)


def held_after(batches, keep):
    network, kept = classifiers[0].model.eval(), []
    anyway = {tensor.data_ptr() for tensor in network.state_dict().values()}
    with torch.autograd.graph.saved_tensors_hooks(Held, lambda held: held.tensor):
        for number in range(batches):
            rows = torch.arange(20 * number, 20 * (number + 1))
            kept.append(keep(F.cross_entropy(network(X_TEST[rows]), Y_TEST[rows])))
    # A tensor that is kept twice is in memory once.
    sizes = {held.tensor.data_ptr(): held.tensor.nbytes for held in alive}
    return sum(size for place, size in sizes.items() if place not in anyway) / 2**20


pd.DataFrame(
    {
        "batches": [1, 5, 10],
        "kept: loss, MB": [round(held_after(n, lambda loss: loss), 1) for n in (1, 5, 10)],
        "kept: loss.item(), MB": [
            round(held_after(n, lambda loss: loss.item()), 1) for n in (1, 5, 10)
        ],
    }
)

# %%
# What the library does: it predicts in evaluation mode, even when somebody has left another one.
classifier = classifiers[0]
some = PIXELS[TEST][:100].permute(0, 2, 3, 1).numpy()
before = classifier.predict_proba(some)
classifier.model.train()
assert np.array_equal(classifier.predict_proba(some), before)
classifier.model.eval()
print("the same probabilities in both modes")

# %% [markdown]
# ## 3. Training on the test images
#
# `datasets.FashionMNIST(train=False)` twice, once for each loader, and no error message.


# %%
def train_on_test_images(seed, epochs):
    network = fit(new_network(seed), X_TEST, Y_TEST, seed=seed, epochs=epochs)
    return {
        "reported": accuracy(network, X_TEST, Y_TEST),
        "unseen": accuracy(network, X_TRAIN, Y_TRAIN),  # it has never seen these
    }


found = lab.repeat("leak", train_on_test_images, seeds=SEEDS, epochs=lab.pick(20, quick=30))
pd.DataFrame(
    {
        "reported, %": [spread([one["reported"] for one in found])],
        "on images never seen, %": [spread([one["unseen"] for one in found])],
        "points too good": [spread([one["reported"] - one["unseen"] for one in found])],
        "seeds": [len(found)],
    }
)

# %% tags=["hide-input"]
on_record(
    "3, trained on the test images: reported accuracy",
    [one["reported"] for one in found],
    [one["unseen"] for one in found],
)

# %% [markdown]
# The library compares the bytes of all images. The run below has half of its test images among its
# training images. It tells the accuracy without them as well. `nunbit check` finds them before the
# training, and ends with exit code 1.

# %%
half = len(TEST) // 2
leaking = lab.folder / "leaking.npz"
if not leaking.exists():
    images = PIXELS.numpy()[:, 0]
    both = np.concatenate([TRAIN.numpy()[: 2 * half], TEST.numpy()[:half]])
    np.savez(
        leaking,
        x_train=images[both],
        y_train=LABELS.numpy()[both],
        x_test=images[TEST.numpy()],
        y_test=LABELS.numpy()[TEST.numpy()],
    )
(leaked,) = lab.train("leaking", leaking, model="mlp-64-128", epochs=30, augment="none")
clean = leaked.summary["leaks"]["test_without_leaks"]
print(f"copies found: {leaked.summary['leaks']['test_images']:,} of {len(TEST):,} test images")
print(f"with them {leaked.summary['test']['accuracy']:.1%}, without {clean['accuracy']:.1%}")

# %% [markdown]
# ## 4. The best checkpoint, chosen on the test set
#
# Every epoch is saved, every checkpoint is tested, and the best one is reported. The larger the
# choice and the smaller the test set, the more luck is in the number. To see it, we choose on some
# of the test images, and measure the chosen epoch on all the others.
#
# > **Predict first.** How many points are gained by choosing among thirty epochs with 100 test
# > images? With half of all?
#
# <details><summary>Answer</summary>
#
# With 100 images, the accuracy of each epoch is uncertain by about $\sqrt{0.85 \cdot 0.15 / 100}$,
# 3.6 points. The epochs share most of their mistakes, so they do not differ by as much, but the
# best of thirty is still some points too good. With fifty times as many images there is hardly
# anything left to choose from.
#
# </details>


# %%
def choose_on_test(seed, sizes, epochs):
    """The chosen epoch's accuracy on the images it was chosen on, and on the others."""
    right = []

    def test(network):
        with torch.no_grad():
            right.append((network(X_TEST).argmax(1) == Y_TEST).numpy())

    fit(new_network(seed), X_TRAIN, Y_TRAIN, seed=seed, epochs=epochs, after_epoch=test)
    epochs_right, random, result = np.array(right), np.random.default_rng(seed), {}
    for size in sizes:
        chosen, others = [], []
        for _ in range(200):
            rows = random.permutation(len(Y_TEST))
            on, off = rows[:size], rows[size:]
            best = epochs_right[:, on].mean(axis=1).argmax()
            chosen.append(epochs_right[best, on].mean())
            others.append(epochs_right[best, off].mean())
        result[str(size)] = [float(np.mean(chosen)), float(np.mean(others))]
    return result


sizes = [lab.pick(100, quick=50), len(TEST) // 2]
found = lab.repeat("best", choose_on_test, seeds=SEEDS, sizes=sizes, epochs=lab.pick(30, quick=10))
pd.DataFrame(
    [
        {
            "test images": size,
            "reported, %": spread([one[str(size)][0] for one in found]),
            "on the others, %": spread([one[str(size)][1] for one in found]),
            "optimism, points": spread([one[str(size)][0] - one[str(size)][1] for one in found]),
            "seeds": len(found),
        }
        for size in sizes
    ]
)

# %% tags=["hide-input"]
for size in sizes:
    on_record(
        f"4, the best of {lab.pick(30, quick=10)} epochs chosen on {size:,} test images: accuracy",
        *zip(*[one[str(size)] for one in found], strict=True),
        images=size,
    )

# %%
# What the library does: the epoch is chosen on a third part, the validation images.
with (trained[0].folder / "split.csv").open(encoding="utf-8") as file:
    parts = [row["split"] for row in csv.DictReader(file)]
print({name: parts.count(name) for name in ("train", "validation", "test")})

# %% [markdown]
# ## 5. Frozen, but moving
#
# `requires_grad = False` keeps an optimiser from changing weights. Batch normalisation's running
# mean and variance are not weights: they follow the batches whenever the network is in training
# mode. We freeze the network of Fashion-MNIST, train a new last layer on handwritten digits, dark
# on white paper, and look at what has happened to the frozen part: with its old last layer it
# should still know clothes as well as before.

# %%
digits = load_digits()
enlarged = np.pad(digits.images.repeat(3, 1).repeat(3, 2), ((0, 0), (2, 2), (2, 2))) * 255 / 16
DIGITS = torch.tensor(enlarged.round(), dtype=torch.uint8)[:, None]
ON_PAPER = 255 - DIGITS
DIGIT_LABELS = torch.tensor(digits.target)


def tune_new_head(number, training_mode, epochs):
    classifier = classifiers[number]
    network = copy.deepcopy(classifier.model)
    images = classifier.preprocess.normalise(ON_PAPER)
    for parameter in network.parameters():
        parameter.requires_grad = False
    old_head = network.head[4]
    torch.manual_seed(number)
    network.head[4] = torch.nn.Linear(120, 10)
    network.train(training_mode)
    fit(network, images[:1_000], DIGIT_LABELS[:1_000], seed=number, epochs=epochs)
    network.eval()
    digits_right = accuracy(network, images[1_000:], DIGIT_LABELS[1_000:])
    network.head[4] = old_head
    clothes = classifier.preprocess.normalise(PIXELS[TEST][:2_000])
    moved = max(
        float((new - old).abs().max())
        for (name, new), old in zip(
            network.named_buffers(), classifier.model.buffers(), strict=True
        )
        if name.endswith("running_mean")
    )
    return digits_right, accuracy(network, clothes, Y_TEST[:2_000]), moved


rows, kept = [], {}
for mode in (False, True):
    found = [tune_new_head(number, mode, 2) for number in range(len(classifiers))]
    right, clothes, moved = zip(*found, strict=True)
    kept[mode] = clothes
    rows.append(
        {
            "frozen part in": "training mode" if mode else "evaluation mode",
            "new head on digits, %": spread(right),
            "old head on clothes, %": spread(clothes),
            "largest move of a running mean": round(max(moved), 3),
        }
    )
pd.DataFrame(rows)

# %% tags=["hide-input"]
on_record("5, frozen in training mode: accuracy on the old task", kept[True], kept[False], 2_000)

# %% [markdown]
# The new task does not tell: in training mode its head may even do better, because the statistics
# follow the new images. But the frozen part is no longer what was frozen.
#
# In the library, what does not learn is in evaluation mode. Here the pretrained network is our own
# run, and its head alone learns the digits.

# %%
digit_file = lab.folder / "digits.npz"
if not digit_file.exists():
    np.savez(digit_file, x=ON_PAPER[:600, 0].numpy(), y=digits.target[:600])
(tuned,) = lab.train(
    "frozen",
    digit_file,
    pretrained=str(trained[0].folder),
    settings={"transfer.mode": "head"},
)
before, after = classifiers[0].model.state_dict(), nunbit.load(tuned.folder).model.state_dict()
frozen = [name for name in before if name.startswith("features.")]
assert all(torch.equal(before[name], after[name]) for name in frozen)
print(f"{len(frozen)} tensors of the frozen part, statistics included: all the same to the bit")

# %% [markdown]
# ## 6. Pretrained weights, another normalisation
#
# Weights know one range of numbers. The same images in another range are other images to them.
#
# > **Predict first.** Which is worse for a network that was trained on z-scores: pixels from 0 to
# > 1, or from 0 to 255? Look at the loss, too.
#
# <details><summary>Answer</summary>
#
# Pixels from 0 to 1 lose their contrast and all lie on one side, so the biases, learned for other
# values, decide. From 0 to 255 it is the opposite: biases no longer count, and much of the answer
# may survive, because a network of ReLUs without biases gives an image 255 times as bright the same
# class. But its logits are hundreds of times too large: each mistake is made with full confidence,
# and that is what the loss shows.
#
# </details>

# %%
NORMALISATIONS = {
    "as in training": None,
    "0..1": (0, 1),
    "ImageNet's mean and deviation": (0.449, 0.226),
    "-1..1": (0.5, 0.5),
    "0..255": (0, 1 / 255),
}


@torch.no_grad()
def judge(network, images, labels):
    """Accuracy and cross entropy."""
    outputs = network.eval()(images)
    right = float((outputs.argmax(1) == labels).float().mean())
    return right, float(F.cross_entropy(outputs, labels))


rows, right = [], {}
for name, numbers in NORMALISATIONS.items():
    found = []
    for classifier in classifiers:
        pixels = PIXELS[TEST][:2_000]
        images = ready(pixels, *numbers) if numbers else classifier.preprocess.normalise(pixels)
        found.append(judge(classifier.model, images, Y_TEST[:2_000]))
    right[name], loss = zip(*found, strict=True)
    rows.append(
        {
            "images normalised": name,
            "accuracy, %": spread(right[name]),
            "loss": spread(loss, unit=1),
            "seeds": len(found),
        }
    )
pd.DataFrame(rows)

# %% tags=["hide-input"]
for name in list(NORMALISATIONS)[1:]:
    on_record(
        f"6, weights of z-scores fed with {name}: accuracy",
        right[name],
        right["as in training"],
        images=2_000,
    )

# %%
# What the library does: the weights bring their own, and another one is refused.
try:
    nunbit.train(
        str(digit_file),
        pretrained=str(trained[0].folder),
        settings={"pixels.scaling": "imagenet"},
        out=lab.folder / "refused",
    )
except nunbit.NunbitError as error:
    print(textwrap.fill(error.what.replace(str(trained[0].folder.absolute()), "…"), 90))
else:
    raise AssertionError("another normalisation was accepted")

# %% [markdown]
# ## 7. Another data set's numbers
#
# Fashion-MNIST normalised with MNIST's mean and deviation, 0.1307 and 0.3081 instead of 0.2860 and
# 0.3530. And the coarser form: trained on pixels from 0 to 1, tested on pixels from 0 to 255.
#
# > **Predict first.** Which of the two does harm? Does it matter that the training used the wrong
# > numbers as well?
#
# <details><summary>Answer</summary>
#
# Wrong numbers that are the same in training and testing are a shift and a stretch that the first
# layer learns to undo: hardly a difference. When the two differ, the network works on numbers that
# it has not seen. Even a small shift can cost some points. A factor of 255 may leave most answers
# as they are, for the reason given in 6, but it ruins the loss.
#
# </details>

# %%
FASHION, MNIST = (0.2860, 0.3530), (0.1307, 0.3081)
RANGES = {
    "own numbers in both": (FASHION, FASHION),
    "MNIST's numbers in both": (MNIST, MNIST),
    "own in training, MNIST's in testing": (FASHION, MNIST),
    "0..1 in training and testing": ((0, 1), (0, 1)),
    "0..1 in training, 0..255 in testing": ((0, 1), (0, 1 / 255)),
}


def train_with_numbers(seed, way, epochs):
    training, testing = RANGES[way]
    images = ready(PIXELS[TRAIN], *training)
    network = fit(new_network(seed), images, Y_TRAIN, seed=seed, epochs=epochs)
    return judge(network, ready(PIXELS[TEST], *testing), Y_TEST)


rows, right = [], {}
for name in RANGES:
    found = lab.repeat("numbers", train_with_numbers, seeds=SEEDS, way=name, epochs=EPOCHS)
    right[name], loss = zip(*found, strict=True)
    rows.append(
        {
            "normalised with": name,
            "accuracy, %": spread(right[name]),
            "loss": spread(loss, unit=1),
            "seeds": len(found),
        }
    )
pd.DataFrame(rows)

# %% tags=["hide-input"]
for wrong, own in {
    "MNIST's numbers in both": "own numbers in both",
    "own in training, MNIST's in testing": "own numbers in both",
    "0..1 in training, 0..255 in testing": "0..1 in training and testing",
}.items():
    on_record(f"7, {wrong}: accuracy", right[wrong], right[own])

# %%
# What the library does: measured on the training part, stored with the weights, used everywhere.
contract = classifiers[0].preprocess
print("mean and deviation in the bundle:", np.round([*contract.mean, *contract.std], 4))

# %% [markdown]
# ## 8. Another data set under the same name
#
# A network "for Fashion-MNIST" reports 99 %. One line further up it says `datasets.MNIST`. Digits
# are simply easier. Here the same network learns from as many images of each (the digits are
# scikit-learn's).


# %%
def train_on(seed, what, epochs):
    images = {"fashion-mnist": PIXELS, "digits": DIGITS}[what]
    labels = {"fashion-mnist": LABELS, "digits": DIGIT_LABELS}[what]
    rows = torch.randperm(len(images), generator=torch.Generator().manual_seed(seed))
    train, test = rows[:900], rows[900:1_200]
    network = fit(new_network(seed), ready(images[train]), labels[train], seed=seed, epochs=epochs)
    return accuracy(network, ready(images[test]), labels[test])


rows, right = [], {}
for name in ("fashion-mnist", "digits"):
    right[name] = found = lab.repeat("which", train_on, seeds=SEEDS, what=name, epochs=20)
    rows.append({"900 images of": name, "accuracy, %": spread(found), "seeds": len(found)})
pd.DataFrame(rows)

# %% tags=["hide-input"]
on_record(
    "8, digits in place of clothes: accuracy", right["digits"], right["fashion-mnist"], images=300
)

# %%
# What the library does: data and classes have names, and they travel with every result.
print(trained[0].summary["dataset"], "->", ", ".join(trained[0].summary["classes"]))
print("a prediction is a name:", classifiers[0].predict(some[:3]))

# %% [markdown]
# ## 9. Indices, colours and means
#
# Three confusions of what a number means. First: `(predicted > 0.5)`, right for a probability, used
# on a class index, and with a logit, whose middle is 0. A logit of 0.5 is a probability of 0.62, so
# one of the two classes is chosen too rarely. That may hardly move the accuracy, because what one
# class loses, the other gains: look at the shirts that are found.

# %%
SHIRTS = torch.isin(Y_TEST, torch.tensor([0, 6]))  # T-shirt/top or Shirt: hard to tell apart


def rate(answers):
    return float(answers.float().mean())


def threshold(seed, epochs):
    rows = torch.isin(Y_TRAIN, torch.tensor([0, 6]))
    network = nunbit.create_model("mlp-64-128", classes=1, generator_seed=seed)
    random, wanted = torch.Generator().manual_seed(seed), (Y_TRAIN[rows] == 6).float()
    optimiser = torch.optim.Adam(network.parameters(), lr=1e-3)
    for _ in range(epochs):
        for some in torch.randperm(int(rows.sum()), generator=random).split(50):
            logits = network(X_TRAIN[rows][some]).ravel()
            loss = F.binary_cross_entropy_with_logits(logits, wanted[some])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
    with torch.no_grad():
        logits = network(X_TEST[SHIRTS]).ravel()
    truth = Y_TEST[SHIRTS] == 6
    ten = fit(new_network(seed), X_TRAIN, Y_TRAIN, seed=seed, epochs=epochs)
    with torch.no_grad():
        index = ten(X_TEST).argmax(1)
    return {  # accuracy, and how many of the shirts are found
        "one logit, above 0": [rate((logits > 0) == truth), rate(logits[truth] > 0)],
        "one logit, above 0.5": [rate((logits > 0.5) == truth), rate(logits[truth] > 0.5)],
        "ten classes, index": [rate(index == Y_TEST), rate(index[Y_TEST == 6] == 6)],
        "ten classes, index above 0.5": [
            rate((index > 0.5) == Y_TEST),
            rate((index > 0.5)[Y_TEST == 6] == 6),
        ],
    }


found = lab.repeat("threshold", threshold, seeds=SEEDS, epochs=EPOCHS)
pd.DataFrame(
    [
        {
            "decided by": key,
            "accuracy, %": spread([one[key][0] for one in found]),
            "shirts found, %": spread([one[key][1] for one in found]),
            "seeds": len(found),
        }
        for key in found[0]
    ]
)

# %% tags=["hide-input"]
on_record(
    "9, a logit compared with 0.5: shirts found",
    [one["one logit, above 0.5"][1] for one in found],
    [one["one logit, above 0"][1] for one in found],
    images=int((Y_TEST == 6).sum()),
)
on_record(
    "9, a class index compared with 0.5: accuracy",
    [one["ten classes, index above 0.5"][0] for one in found],
    [one["ten classes, index"][0] for one in found],
)

# %% [markdown]
# Second: pictures are shown with the normalisation undone. Right is $x \sigma + \mu$; the notes
# have $(x + \mu)\,\sigma$ and similar. What is shown is then not what the network saw.

# %%
mean, std = FASHION
seen = X_TEST[:1]
undone = {
    "original": PIXELS[TEST[:1]] / 255,
    "x·std + mean": seen * std + mean,
    "(x + mean)·std": (seen + mean) * std,
    "x·mean + std": seen * mean + std,
}
figure, axes = lab.subplots(1, 4, size=(9, 2.6))
for axis, (name, image) in zip(axes, undone.items(), strict=True):
    wrong = float((image - undone["original"]).abs().mean())
    axis.imshow(image[0, 0].numpy(), vmin=0, vmax=1)
    axis.set(title=f"{name}\nerror {wrong:.3f}", xticks=[], yticks=[])
    axis.grid(False)
lab.show(
    figure,
    description="One image of Fashion-MNIST four times: the original, the right undoing, which "
    "looks the same, and two wrong ones, one too dark and one pale.",
    caption="The error is the mean distance from the original, white being 1.",
)

# %% [markdown]
# Third: OpenCV reads blue, green, red; most others red, green, blue. A network learns to tell
# pieces of two photographs apart, a temple and a flower, from their left halves, and is tested on
# pieces of the right halves.

# %%
PHOTOS = [load_sample_image(name) for name in ("china.jpg", "flower.jpg")]


def pieces(seed, *, left, count=200):
    random, images, labels = np.random.default_rng(seed), [], []
    for label, photo in enumerate(PHOTOS):
        height, width = photo.shape[:2]
        for _ in range(count):
            top = random.integers(0, height - 32)
            side = random.integers(0, width // 2 - 32) + (0 if left else width // 2)
            images.append(photo[top : top + 32, side : side + 32])
            labels.append(label)
    return torch.tensor(np.stack(images)).permute(0, 3, 1, 2) / 127.5 - 1, torch.tensor(labels)


def swap_colours(seed, epochs):
    network = nunbit.create_model(
        "cifar-small", classes=2, channels=3, height=32, width=32, generator_seed=seed
    )
    fit(network, *pieces(seed, left=True), seed=seed, epochs=epochs)
    images, labels = pieces(seed + 1_000, left=False)
    return [accuracy(network, images, labels), accuracy(network, images.flip(1), labels)]


found = lab.repeat("colours", swap_colours, seeds=SEEDS, epochs=lab.pick(10, quick=6))
pd.DataFrame(
    {
        "tested as": ["red, green, blue", "blue, green, red"],
        "accuracy, %": [spread([one[0] for one in found]), spread([one[1] for one in found])],
        "seeds": len(found),
    }
)

# %% tags=["hide-input"]
on_record(
    "9, blue and red exchanged: accuracy",
    [one[1] for one in found],
    [one[0] for one in found],
    images=400,
)

# %%
# What the library does: it reads files itself, always as RGB, and gives names, not indices.
with tempfile.TemporaryDirectory() as folder:
    Image.fromarray(some[0, :, :, 0]).save(Path(folder) / "one.png")
    same = classifiers[0].predict_proba(Path(folder) / "one.png")
assert np.array_equal(same, classifiers[0].predict_proba(some[0]))
print("the file and its pixels: the same probabilities;", classifiers[0].predict(some[0])[0])

# %% [markdown]
# ## 10. One seed, one point
#
# Two recipes, one seed each; the second is better by a point: an effect? Here both recipes are the
# same, and only the seed differs.
#
# > **Predict first.** In which share of such pairs do the two differ by half a point or more?
#
# <details><summary>Answer</summary>
#
# The table says it; often more than one believes. Two results with deviation $s$ differ by more
# than $s$ in about half of all cases. Nothing but repetition tells a recipe from luck.
#
# </details>


# %%
def plain_training(seed, epochs):
    network = fit(new_network(seed), X_TRAIN, Y_TRAIN, seed=seed, epochs=epochs)
    return accuracy(network, X_TEST, Y_TEST)


many = lab.repeat("same", plain_training, seeds=lab.seeds(20, quick=6), epochs=EPOCHS)
values = 100 * np.array(many)
gaps = np.abs(values[:, None] - values)[np.triu_indices(len(values), 1)]
pd.DataFrame(
    {
        "seeds": [len(many)],
        "accuracy, %": [spread(many)],
        "pairs": [len(gaps)],
        "apart by 0.5 points or more, %": [round(100 * np.mean(gaps >= 0.5), 1)],
        "by 1 or more, %": [round(100 * np.mean(gaps >= 1), 1)],
        "largest gap": [round(gaps.max(), 2)],
    }
)

# %% tags=["hide-input"]
lab.record("trap 10, the same recipe: accuracy", many, digits=2, images=len(TEST))
lab.record("trap 10, pairs of seeds half a point or more apart", float(np.mean(gaps >= 0.5)))

# %% tags=["hide-input"]
figure, axes = lab.subplots(1, 1, size=(7, 1.7))
axes.plot(values, np.zeros_like(values), "o", color=style.BLUE, alpha=0.6)
axes.axvline(values.mean(), color=style.INK, linestyle=":")
axes.set(xlabel="accuracy, %", yticks=[], ylim=(-1, 1))
lab.show(
    figure,
    description="One point for each seed on a line of accuracies, scattered around the mean.",
    caption="The same recipe, one point for each seed. Dotted: the mean.",
)

# %%
# What the library does: runs are compared with intervals, and seeds are summed up.
for verdict in nunbit.compare(trained).verdicts:
    print(textwrap.fill(verdict, 90, subsequent_indent="  "))

# %% [markdown]
# ## 11. Layers that are not what they seem
#
# Channel dropout wants maps. On a flat vector of shape [N, 1, d], it takes the whole vector for one
# channel: some images lose everything. Pooling with stride 1 leaves maps nearly as large as they
# were, and the next layer pays. And totals are quoted from memory: AlexNet's "66 million".

# %%
flat = torch.ones(2_000, 1, 100, 1)
blank = []
for seed in SEEDS:
    torch.manual_seed(seed)
    blank.append(float((F.dropout2d(flat, 0.5) == 0).all(2).float().mean()))
print(f"images that lose everything, channel dropout of 0.5: {spread(blank)} %")


def with_pooling(stride):
    features = torch.nn.Sequential(
        torch.nn.Conv2d(1, 32, 3, padding=1), torch.nn.ReLU(), torch.nn.MaxPool2d(2, stride)
    )
    values = features(torch.zeros(1, 1, 28, 28)).numel()
    return torch.nn.Sequential(features, torch.nn.Flatten(), torch.nn.Linear(values, 600))


rows = []
for stride in (2, 1):
    table = nunbit.summarise(with_pooling(stride), (1, 28, 28))
    rows.append(
        {
            "stride of pooling": stride,
            "map after it": " × ".join(map(str, table.layers[2].output_shape[-2:])),
            "parameters": f"{table.parameters:,}",
        }
    )
pd.DataFrame(rows)

# %% tags=["hide-input"]
lab.record("trap 11, channel dropout of 0.5 on vectors: images that lose everything", blank)
alexnet = nunbit.summarise(nunbit.create_model("alexnet", classes=1000), (3, 227, 227))
lab.compare(
    "AlexNet: parameters",
    alexnet.parameters,
    Published(62_378_344, "course notes, sum of their own table", digits=0),
    comparable=True,
    remark="elsewhere the notes say 66 million",
)

# %% [markdown]
# ## 12. Names of files and folders
#
# A JPEG that was renamed to `.png` is still a JPEG. Programs that trust the name fail.
# Labels that are numbered in the order in which a folder is listed change from one disk
# to the next. And `path.split("/")[3]` is the class until somebody moves the folder.

# %%
folder = lab.folder / "named"
shutil.rmtree(folder, ignore_errors=True)
for label, photo in zip(("temple", "flower"), PHOTOS, strict=True):
    (folder / label).mkdir(parents=True)
    for number in range(5):
        file = folder / label / f"{number}.jpeg"
        Image.fromarray(photo[:, 64 * number : 64 * number + 64]).save(file)
        file.rename(file.with_suffix(".png"))  # the wrong line


def readable_by_name(path):
    try:
        matplotlib.image.imread(path)
    except (SyntaxError, OSError):
        return False
    return True


files = sorted(folder.rglob("*.png"))
by_content = nunbit.load_data(folder)
print(f"{len(files)} renamed files; read by their name: {sum(map(readable_by_name, files))}")
print(f"the library reads by content: {len(by_content)} images, {by_content.classes}")

# %%
with torch.no_grad():
    answers = classifiers[0].model.eval()(classifiers[0].preprocess.normalise(PIXELS[TEST]))
answers = answers.argmax(1).numpy()
shuffled = [
    np.mean(np.random.default_rng(seed).permutation(10)[answers] == Y_TEST.numpy())
    for seed in range(100)
]
moved = Path(shutil.copytree(folder, lab.folder / "elsewhere" / "deeper", dirs_exist_ok=True))
place = len(folder.parts)  # where the class stood before the folder was moved
pd.DataFrame(
    [
        {
            "wrong code": "labels in the order of listing, another order when testing",
            "effect": f"accuracy {spread(shuffled)} % over 100 orders instead of "
            f"{100 * np.mean(answers == Y_TEST.numpy()):.2f} %",
            "the library": "sorted names, kept in the bundle",
        },
        {
            "wrong code": "class from the absolute path, folder moved",
            "effect": f"classes {sorted({file.parts[place] for file in moved.rglob('*.png')})}",
            "the library": f"classes {list(nunbit.load_data(moved).classes)}",
        },
    ]
)

# %% tags=["hide-input"]
straight = float(np.mean(answers == Y_TEST.numpy()))
on_record(
    f"12, labels in the order of listing: accuracy, mean of {len(shuffled)} orders",
    [float(np.mean(shuffled))],
    [straight],
)

# %% [markdown]
# ## 13. Augmented test images, and copies across the split
#
# Random changes belong to training. On test images they make another, harder test, and one that
# gives another number each time.


# %%
def changed(images, seed):
    """Mirrored at random, and moved by up to four pixels."""
    random = np.random.default_rng(seed)
    return torch.stack(
        [
            (image.flip(2) if random.random() < 0.5 else image).roll(
                tuple(random.integers(-4, 5, 2)), (1, 2)
            )
            for image in images
        ]
    )


few = slice(0, 1_000)
network = classifiers[0].model.eval()
plain = classifiers[0].preprocess.normalise(PIXELS[TEST][few])
augmented = [accuracy(network, changed(plain, seed), Y_TEST[few]) for seed in range(5)]
pd.DataFrame(
    {
        "test images": ["as they are", "augmented, five draws"],
        "accuracy, %": [spread([accuracy(network, plain, Y_TEST[few])]), spread(augmented)],
    }
)

# %% tags=["hide-input"]
on_record(
    f"13, augmented test images: accuracy, mean of {len(augmented)} draws",
    [float(np.mean(augmented))],
    [accuracy(network, plain, Y_TEST[few])],
    images=1_000,
)

# %% [markdown]
# Augmenting first and splitting afterwards is the opposite: copies of one picture stand on both
# sides.
#
# > **Predict first.** Each of 300 pictures becomes five, moved by up to two pixels; then a fifth of
# > all is set aside for testing. How many of the test pictures have a sister in training?
#
# <details><summary>Answer</summary>
#
# Nearly all: only one test picture in six hundred ($0.2^4$) has all four sisters on its own side.
# The test measures memory.
#
# </details>


# %%
def split_after_augmenting(seed, epochs):
    random = np.random.default_rng(seed)
    sources = torch.tensor(random.permutation(len(TRAIN))[:300])
    copies = torch.cat(
        [
            image.roll(tuple(random.integers(-2, 3, 2)), (1, 2))[None]
            for image in X_TRAIN[sources]
            for _ in range(5)
        ]
    )
    labels, rows = Y_TRAIN[sources].repeat_interleave(5), torch.tensor(random.permutation(1_500))
    train, test = rows[:1_200], rows[1_200:]
    network = fit(new_network(seed), copies[train], labels[train], seed=seed, epochs=epochs)
    return {
        "reported": accuracy(network, copies[test], labels[test]),
        "new": accuracy(network, X_TEST, Y_TEST),
    }


found = lab.repeat("copies", split_after_augmenting, seeds=SEEDS, epochs=20)
pd.DataFrame(
    {
        "reported, %": [spread([one["reported"] for one in found])],
        "on new pictures, %": [spread([one["new"] for one in found])],
        "points too good": [spread([one["reported"] - one["new"] for one in found])],
        "seeds": [len(found)],
    }
)

# %% tags=["hide-input"]
on_record(
    "13, split after augmenting: reported accuracy",
    [one["reported"] for one in found],
    [one["new"] for one in found],
    images=300,
)

# %% [markdown]
# The library splits first, and only the training part is ever changed. Copies that are in the data
# already stay together. Here each of 120 pictures is in the file three times.

# %%
copied = lab.folder / "copies.npz"
source_of = np.arange(120).repeat(3)
if not copied.exists():
    np.savez(
        copied,
        x=PIXELS[TRAIN][:120, 0].numpy()[source_of],
        y=Y_TRAIN.numpy()[:120][source_of],
    )
(together,) = lab.train("together", copied, model="mlp-64-128", epochs=1)
with (together.folder / "split.csv").open(encoding="utf-8") as file:
    split = {int(row["path"].split("/")[-1]): row["split"] for row in csv.DictReader(file)}
torn = sum(len({split[3 * number + copy] for copy in range(3)}) > 1 for number in range(120))
print(f"pictures with copies in more than one part: {torn} of 120")
assert torn == 0

# %% [markdown]
# ## 14. The mean of means
#
# The mean of the batches' mean losses is the mean loss only if all batches are equally large. When
# a last batch holds a single image, this image counts as much as a hundred others.
#
# > **Predict first.** 101 images are a full batch of 100 and one more. By how much does the loss
# > change with the order of the images, although the network and the images stay the same?
#
# <details><summary>Answer</summary>
#
# Half of the result is then a single image's loss, so it varies half as much as the losses of
# single images do. With more batches it fades, as one over their number, but it never vanishes.
#
# </details>

# %%
with torch.no_grad():
    outputs = classifiers[0].model.eval()(classifiers[0].preprocess.normalise(PIXELS[TEST]))
losses = F.cross_entropy(outputs, Y_TEST, reduction="none")


def mean_of_means(values):
    return float(torch.stack([batch.mean() for batch in values.split(100)]).mean())


rows = []
for count in (101, lab.pick(1_001, quick=161)):
    some_losses = losses[:count]
    found = [
        mean_of_means(
            some_losses[torch.randperm(count, generator=torch.Generator().manual_seed(s))]
        )
        for s in range(200)
    ]
    rows.append(
        {
            "images": count,
            "the loss": round(float(some_losses.mean()), 4),
            "mean of means over 200 orders": spread(found, unit=1),
            "lowest and highest": f"{min(found):.3f} to {max(found):.3f}",
        }
    )
    lab.record(
        f"trap 14, mean of means of {count:,} images: deviation over {len(found)} orders",
        float(np.std(found, ddof=1)),
        unit="",
        digits=4,
        remark=f"the loss itself is {float(some_losses.mean()):.4f} in any order",
    )
pd.DataFrame(rows)

# %%
# What the library does: sums and counts are added up, and divided once.
reported = trained[0].summary["test"]
print(f"loss: over all images {losses.mean():.2f}, reported {reported['loss']:.2f}")
print(f"accuracy: {np.mean(answers == Y_TEST.numpy()):.4f}, reported {reported['accuracy']:.4f}")

# %% [markdown]
# ## Exercises
#
# `nunbit lab 18 --solution` shows worked solutions.
#
# **1. The floor.** A network with softmax and `cross_entropy` on top has 100 classes, not ten. What
# is the lowest loss that it can reach?

# %% exercise="floor"
lowest_loss = None


# %% tags=["hide-input"]
def is_floor(value):
    perfect = F.one_hot(torch.tensor([0]), 100).double()
    truth = float(F.cross_entropy(perfect, torch.tensor([0])))
    assert abs(value - truth) < 0.01, "a perfect answer gives a logit of 1 to one class, 0 to 99"


lab.check("floor", lowest_loss, is_floor)

# %% [markdown]
# **2. Sisters.** Each picture becomes three by augmentation, and a tenth of all is set aside at
# random for testing. Which share of the test pictures has at least one sister in training?

# %% exercise="sisters"
share = None


# %% tags=["hide-input"]
def is_share(value):
    assert abs(value - 0.99) < 0.005, "both sisters would have to be in the tenth"


lab.check("sisters", share, is_share)

# %% [markdown]
# **3. The right mean.** Write `mean_loss(means, sizes)`: the mean loss over all images from the
# means of the batches and their sizes.

# %% exercise="mean"
mean_loss = None


# %% tags=["hide-input"]
def is_weighted(function):
    found = float(function(np.array([1.0, 4.0]), np.array([100, 1])))
    assert abs(found - 104 / 101) < 1e-9, f"one image of loss 4 and 100 of loss 1 gave {found:.3f}"


lab.check("mean", mean_loss, is_weighted)
