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
#     minutes: 20
#     quick_seconds: 20
# ---

# %% [markdown]
# # 17 · Other networks
#
# Not every network that looks at pictures is a CNN. One reads a picture row by row, like text;
# others learn from pictures that nobody has labelled. And a CNN need not look at pictures: at the
# end it listens, because a sound can be turned into an image.

# %%
import copy
import shutil
import subprocess

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from scipy.io import wavfile
from scipy.signal import ShortTimeFFT
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression

import nunbit
from nunbit_labs import Published, accuracies, open_lab, style

lab = open_lab("17_other_networks")

data = lab.data("fashion-mnist", quick_images=600)
lab.needs(data)  # without them, the rest is left out
print(data.why)
samples = nunbit.load_data(data.source).samples
pixels = torch.tensor(samples.images.array[..., 0]).unsqueeze(1) / 255  # [N, 1, 28, 28] in 0 ... 1
labels = torch.tensor(samples.labels)
is_training = torch.tensor([part == "train" for part in samples.parts])
images, targets = pixels[is_training], labels[is_training]
test_images, test_targets = pixels[~is_training], labels[~is_training]

# %% [markdown]
# ## Reading row by row
#
# A recurrent network reads a sequence. It keeps a state $h$, and each new row $x_t$ of the image
# changes it. After the last row, a linear layer looks at the state and names the class. In the
# simplest one (Elman, 1990)
#
# $$h_t = \tanh(W x_t + U h_{t-1} + b)$$
#
# The LSTM (Hochreiter and Schmidhuber, 1997) also has a cell $c$, and gates between 0 and 1 that
# say what to forget, what to take in and what to show:
#
# $$c_t = f_t \cdot c_{t-1} + i_t \cdot g_t \qquad h_t = o_t \cdot \tanh(c_t)$$
#
# > **Predict first.** The loss stands at the end, and its gradient must travel back through all
# > rows to reach the first. What does each step of `row-rnn` do to it, and what does each step of
# > the LSTM do? What if the forget gate is wide open, $f_t \approx 1$?
#
# <details><summary>Answer</summary>
#
# Each step of the simple network multiplies the gradient by $U$ and by the slope of tanh: with
# small weights it shrinks every time, as in the deep networks of lab 02. Along the cell, the LSTM
# multiplies by $f_t$. A gate that is half open, as with fresh weights, halves it at each row: it
# shrinks all the same. Open gates let it pass. So the gates do not save the gradient by themselves;
# they can learn to, or be opened by hand at the beginning.
#
# </details>


# %%
def row_reader(model, seed, width=28):
    """`row-rnn`, `row-lstm`, or `open`: an LSTM whose forget gates begin open."""
    name = "row-lstm" if model == "open" else model
    network = nunbit.create_model(name, classes=10, width=width, generator_seed=seed)
    if model == "open":
        units = network.reader.hidden_size
        with torch.no_grad():  # PyTorch's order: input, forget, cell, output
            network.reader.bias_hh_l0[units : 2 * units] = 3.0
    return network


def row_gradients(seed, model):
    """How much the loss depends on each row: the gradient's length, [28], with fresh weights."""
    network = row_reader(model, seed)
    shown = images[:200].clone().requires_grad_()
    F.cross_entropy(network(shown), targets[:200]).backward()
    return shown.grad.square().sum(dim=(0, 1, 3)).sqrt().numpy()


READERS = {"row-rnn": "simple", "row-lstm": "LSTM", "open": "LSTM, gates open"}
gradients = {
    model: np.array([row_gradients(seed, model) for seed in lab.seeds(5)]) for model in READERS
}
pd.DataFrame(
    [
        {"network": name, "last row / first row": f"{np.median(g[:, -1] / g[:, 0]):.2g}"}
        for name, g in zip(READERS.values(), gradients.values(), strict=True)
    ]
)

# %% tags=["hide-input"]
figure, axes = lab.subplots(size=(7, 3.3))
for (model, found), marker in zip(gradients.items(), "sov", strict=True):
    axes.plot(range(1, 29), np.median(found, axis=0), marker=marker, label=READERS[model])
axes.set(yscale="log", xlabel="row of the image, from the top", ylabel="length of the gradient")
axes.legend()
lab.show(
    figure,
    description="Gradient of the loss by row on a logarithmic scale, for a simple recurrent "
    "network, an LSTM, and an LSTM whose forget gates are open, all with fresh weights.",
    caption="Median over the seeds, before any training.",
)

# %% [markdown]
# ## How long can it remember?
#
# Now they learn. We make the images small, 14 rows of 14 pixels, and put empty rows below them: the
# network must keep what it has seen until the end.
#
# > **Predict first.** Which of the three loses most from the empty rows?
#
# <details><summary>Answer</summary>
#
# The two whose gradient dies on the way: nothing tells them what to keep. That gates can be learned
# does not help the LSTM whose gates begin half open, because what would teach them to open dies
# with the rest. With many empty rows, it need not do better than the simple network. The LSTM whose
# gates begin open loses least.
#
# </details>


# %%
def remember(seed, model, empty_rows, training_images, epochs):
    """Test accuracy on images of half the size with empty rows below."""
    order = torch.Generator().manual_seed(seed)
    network = row_reader(model, seed, width=14)

    def prepared(some):
        return F.pad(F.avg_pool2d(some, 2), (0, 0, 0, empty_rows))

    optimiser = torch.optim.Adam(network.parameters(), lr=2e-3)
    shown = prepared(images[:training_images])
    for _ in range(epochs):
        for batch in torch.randperm(len(shown), generator=order).split(100):
            loss = F.cross_entropy(network(shown[batch]), targets[batch])
            optimiser.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimiser.step()
    with torch.no_grad():
        right = network(prepared(test_images[:2000])).argmax(dim=1) == test_targets[:2000]
    return right.float().mean().item()


EMPTY_ROWS = lab.pick([0, 14, 42], quick=[0, 28])
remembered = {
    model: [
        lab.repeat(
            f"{model}-{rows}",
            remember,
            seeds=lab.seeds(3, quick=1),
            model=model,
            empty_rows=rows,
            training_images=lab.pick(6000, quick=300),
            epochs=lab.pick(8, quick=1),
        )
        for rows in EMPTY_ROWS
    ]
    for model in READERS
}

# %% tags=["hide-input"]
figure, axes = lab.subplots(size=(7, 3.3))
for (model, found), marker in zip(remembered.items(), "sov", strict=True):
    values = np.array([list(results) for results in found])
    axes.plot(EMPTY_ROWS, values.mean(axis=1), marker=marker, label=READERS[model])
    axes.fill_between(EMPTY_ROWS, values.min(axis=1), values.max(axis=1), alpha=0.15)
axes.axhline(0.1, color=style.SOFT, linestyle=":", linewidth=1)
axes.set(xlabel="empty rows below the image", ylabel="test accuracy", xticks=EMPTY_ROWS)
axes.legend()
lab.show(
    figure,
    description="Test accuracy against the number of empty rows, one line for each network; a "
    "dotted line marks guessing, one in ten.",
    caption="Mean over the seeds, the shade is the range. Dotted: guessing.",
)

# %% [markdown]
# Without empty rows and with whole images, `row-lstm` is a network of the catalogue like any other.
# Nobody has published a number for it in the notes; the table of Fashion-MNIST has one for a
# relative, the GRU, under another last layer.

# %%
rows_read = {
    model: lab.train(
        model,
        data,
        seeds=lab.seeds(3, quick=1),
        model=model,
        augment="none",
        epochs=lab.pick(8, quick=1),
    )
    for model in lab.pick(["row-rnn", "row-lstm"], quick=["row-lstm"])
}
for model, runs in rows_read.items():
    print(f"{model}: test accuracy {np.mean(accuracies(runs)):.3f}, {len(runs)} seed(s)")

# %% tags=["hide-input"]
runs = rows_read["row-lstm"]
lab.compare(
    "Fashion-MNIST, row-lstm, 8 epochs",
    accuracies(runs),
    Published(0.888, "README of Fashion-MNIST, table of submissions: GRU+SVM", digits=1, unit="%"),
    goal="higher",
    images=runs[0].summary["n"]["test"],
    seconds=runs.seconds,
    remark="another network of the same kind, trained for another time",
)

# %% [markdown]
# ## Learning without labels
#
# A restricted Boltzmann machine has visible units $v$, here the pixels, and hidden units $h$; all
# of them are 0 or 1. Weights join each visible unit to each hidden one, and none of its own kind.
# So, given one layer, the units of the other are independent:
#
# $$P(h_j = 1 \mid v) = \sigma(b_j + W_j v) \qquad P(v_i = 1 \mid h) = \sigma(a_i + W_i^\top h)$$
#
# It learns by contrastive divergence (Hinton, 2002). Show it an image and see which hidden units
# light up. Let them draw an image, and see which units that lights up. Then strengthen what the
# real image did, and weaken what its own did. No label is needed. Here it is by hand, held against
# the library's.


# %%
def contrastive_divergence(weights, hidden_bias, visible_bias, visible, rate, generator):
    """New weights [U, V] and biases after one step on a batch [B, V]."""
    shown = torch.sigmoid(visible @ weights.T + hidden_bias)
    hidden = torch.bernoulli(shown, generator=generator)  # the units decide: 0 or 1
    drawn = torch.sigmoid(hidden @ weights + visible_bias)
    believed = torch.sigmoid(drawn @ weights.T + hidden_bias)
    rate = rate / len(visible)
    return (
        weights + rate * (shown.T @ visible - believed.T @ drawn),
        hidden_bias + rate * (shown - believed).sum(dim=0),
        visible_bias + rate * (visible - drawn).sum(dim=0),
    )


rbm = nunbit.create_model("rbm", classes=10, generator_seed=0)
(machine,) = rbm.machines
batch = images[:100].flatten(start_dim=1)
with torch.no_grad():
    by_hand = contrastive_divergence(
        machine.up.weight.clone(),
        machine.up.bias.clone(),
        machine.visible_bias.clone(),
        batch,
        rate=0.1,
        generator=torch.Generator().manual_seed(1),
    )
trial = copy.deepcopy(machine)
trial.contrastive_divergence(batch, learning_rate=0.1, generator=torch.Generator().manual_seed(1))
librarys = (trial.up.weight, trial.up.bias, trial.visible_bias)
worst = max((a - b).abs().max().item() for a, b in zip(by_hand, librarys, strict=True))
assert worst < 1e-6
print(f"largest difference {worst:.0e}")

# %% [markdown]
# > **Predict first.** Each hidden unit has a weight for each pixel: its weights are an image, too.
# > What will such images show after some learning: noise, whole clothes, or parts of them?
#
# <details><summary>Answer</summary>
#
# Look at the film. A single unit need not draw a shirt: several hundred of them work together, each
# adding some light and taking away some. Out of the noise come the blurred shapes of whole things
# first. Then the units divide the work, and more and more of them show parts, edges and stripes.
#
# </details>

# %%
FILM = lab.pick(10, quick=5)  # frames
UNLABELLED = lab.pick(20_000, quick=400)
generator = torch.Generator().manual_seed(0)


def learned_weights():
    """Epoch and weights, as the machine learns."""
    yield 0, machine.up.weight.detach().clone()
    for epoch in range(1, FILM):
        rbm.pretrain(images[:UNLABELLED], epochs=1, generator=generator, batch_size=50)
        yield epoch, machine.up.weight.detach().clone()


def draw_weights(figure, state):
    epoch, weights = state
    figure.suptitle(f"epoch {epoch}", fontsize=10)
    for axes, unit in zip(figure.subplots(3, 8).flat, weights, strict=False):
        largest = unit.abs().max().item()
        axes.imshow(unit.view(28, 28).numpy(), cmap=style.BLUE_ORANGE, vmin=-largest, vmax=largest)
        axes.set(xticks=[], yticks=[])
        axes.grid(False)


lab.animate(
    draw_weights,
    learned_weights(),
    size=(6.4, 2.7),
    seconds=0.6,
    description="The weights of 24 hidden units as small images, epoch by epoch: noise at first, "
    "then patches and shapes that follow those of clothes.",
    caption="Each small image is scaled by itself: blue adds light, orange takes it away.",
)

# %% [markdown]
# ## What it has understood
#
# We take images that it has never seen, put the average of all training images in the place of
# their lower half, and let the machine finish them: the layers light each other up again and again,
# and after each round the upper half is put back. Each round changes the drawing by a little, so it
# can be caught in one that is wrong, but looks right to the machine. Which images does it finish
# well?


# %%
average = images[:UNLABELLED].mean(dim=0)


@torch.no_grad()
def complete(image, rounds):
    """The image [1, 28, 28] with its lower half as the machine imagines it."""
    dreamt = image.clone()
    dreamt[:, 14:] = average[:, 14:]
    for _ in range(rounds):
        hidden = torch.bernoulli(machine(dreamt.view(1, -1)), generator=generator)
        dreamt[:, 14:] = machine.reconstruct(hidden).view(1, 28, 28)[:, 14:]
    return dreamt


# %% tags=["hide-input"]
stages = {"begins with": 0, "1 round": 1, "500 rounds": 500, "the truth": None}
figure, grid = lab.subplots(len(stages), 8, size=(7.6, 4))
for row, (stage, rounds) in zip(grid, stages.items(), strict=True):
    for axes, image in zip(row, test_images[:8], strict=True):
        shown = image if rounds is None else complete(image, rounds)
        axes.imshow(shown[0].numpy(), cmap="gray", vmin=0, vmax=1)
        axes.set(xticks=[], yticks=[])
        axes.grid(False)
    row[0].set_ylabel(stage, fontsize=9)
lab.show(
    figure,
    description="Eight test images in four rows: the average image as lower half, the image after "
    "one round and after five hundred, and the true image.",
    caption="Test images, which the machine has never seen.",
)

# %% [markdown]
# ## Few labels
#
# A deep belief network is a stack of such machines, each learning from what the one below makes of
# the images (Hinton, Osindero and Teh, 2006). Then a linear layer is put on top, and the whole is
# trained with labels. Labels are dear, images are not: what is it worth to look at thousands of
# images without labels first? The network is `dbn`, and it has four opponents:
#
# - `dbn` without pretraining, with the very small first weights that Boltzmann machines begin with;
# - `dbn` without pretraining, with first weights by Glorot's rule (lab 02);
# - `mlp-100`, a small network with ReLU;
# - logistic regression on the pixels: no hidden layer at all.
#
# > **Predict first.** With 50 labels, and with 1,000: who wins? Against which opponent does
# > pretraining look best, and is that opponent a fair one?
#
# <details><summary>Answer</summary>
#
# Against the first opponent pretraining looks best, but three layers of sigmoids with tiny first
# weights are slow to learn anything, as in lab 02. That is a trouble with the beginning and not
# with missing labels. What unlabelled images are worth shows against the strongest opponent, and it
# is much less: look for it at each number of labels, and compare it with what twice as many labels
# bring.
#
# </details>


# %%
def few_labels(seed, start, label_counts, unlabelled, pretraining_epochs, steps):
    """Test accuracy after training on the first so many of the shuffled images, for each count."""
    random = torch.Generator().manual_seed(seed)
    order = torch.randperm(len(images), generator=random)
    name = "mlp-100" if start == "mlp-100" else "dbn"
    first = nunbit.create_model(name, classes=10, generator_seed=seed)
    if start == "pretrained":
        first.pretrain(images[order[:unlabelled]], epochs=pretraining_epochs, generator=random)
    if start == "glorot":
        for weights in (p for p in first.parameters() if p.ndim == 2):
            torch.nn.init.xavier_normal_(weights, generator=random)
    found = []
    for count in label_counts:
        shown, wanted = images[order[:count]], targets[order[:count]]
        if start == "logistic":
            linear = LogisticRegression(max_iter=1000).fit(shown.flatten(1).numpy(), wanted)
            found.append(linear.score(test_images.flatten(1).numpy(), test_targets.numpy()))
            continue
        network = copy.deepcopy(first)
        optimiser = torch.optim.Adam(network.parameters(), lr=1e-3)
        for _ in range(steps):
            batch = torch.randint(count, (50,), generator=random)
            loss = F.cross_entropy(network(shown[batch]), wanted[batch])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
        with torch.no_grad():
            right = network(test_images).argmax(dim=1) == test_targets
        found.append(right.float().mean().item())
    return found


STARTS = {
    "pretrained": "dbn, pretrained",
    "small": "dbn, small weights",
    "glorot": "dbn, Glorot",
    "mlp-100": "mlp-100",
    "logistic": "logistic regression",
}
LABELS = lab.pick([50, 100, 300, 1000, 5000], quick=[50, 200])
learned = {
    start: lab.repeat(
        f"few-{start}",
        few_labels,
        seeds=lab.seeds(3, quick=1),
        start=start,
        label_counts=LABELS,
        unlabelled=UNLABELLED,
        pretraining_epochs=lab.pick(10, quick=2),
        steps=lab.pick(400, quick=10),
    )
    for start in STARTS
}
pd.DataFrame(
    [
        {"": STARTS[start]}
        | {
            f"{count:,} labels": f"{values.mean():.3f} ({values.min():.3f} to {values.max():.3f})"
            for count, values in zip(LABELS, np.array(list(results)).T, strict=True)
        }
        for start, results in learned.items()
    ]
)

# %% tags=["hide-input"]
figure, axes = lab.subplots(size=(7.4, 3.6))
for (start, results), marker, line in zip(
    learned.items(), "osvD^", ["-", ":", "-.", "--", "--"], strict=True
):
    values = np.array(list(results))
    axes.plot(LABELS, values.mean(axis=0), line, marker=marker, label=STARTS[start])
    axes.fill_between(LABELS, values.min(axis=0), values.max(axis=0), alpha=0.12)
axes.set(xscale="log", xlabel="labels", ylabel="test accuracy")
axes.set_xticks(LABELS, [f"{count:,}" for count in LABELS])
axes.minorticks_off()
axes.legend()
lab.show(
    figure,
    description="Test accuracy against the number of labels, on a logarithmic scale, for the "
    "pretrained deep belief network and its four opponents.",
    caption="Mean over the seeds; the shade is the range.",
)

# %% [markdown]
# ## Sound as an image
#
# A sound is a row of numbers. Cut it into short frames, and ask of each frame how loud each
# frequency is (the Fourier transform): the answers, side by side, are an image. It has time from
# left to right, frequency from bottom to top, loudness as brightness, and it is called a
# spectrogram. By hand, and held against SciPy's:

# %%
RATE = 8000  # numbers per second
FRAME, HOP = 256, 128  # numbers in a frame, and from one frame's beginning to the next
LENGTH = FRAME + 63 * HOP  # so that there are 64 frames: a little more than a second


def loudness(sound):
    """The size of each frequency in each frame: [T] -> [129 frequencies, frames]."""
    starts = range(0, len(sound) - FRAME + 1, HOP)
    frames = np.array([sound[start : start + FRAME] for start in starts])
    return np.abs(np.fft.rfft(frames * np.hanning(FRAME), axis=1)).T


def spectrogram(sound):
    """An image, uint8 [32, 32]: low frequencies at the bottom, 60 decibels from black to white."""
    power = loudness(sound)[:128] ** 2
    blocks = power.reshape(32, 4, 32, 2).mean(axis=(1, 3))
    decibels = 10 * np.log10(blocks / blocks.max() + 1e-12)
    return np.round(255 * np.clip(1 + decibels / 60, 0, 1)).astype(np.uint8)[::-1]


noise = np.random.default_rng(0).normal(size=LENGTH)
scipys = ShortTimeFFT(np.hanning(FRAME), HOP, RATE, phase_shift=None)
first = -(-FRAME // 2 // HOP)  # SciPy's frames are counted by their middle
theirs = np.abs(scipys.stft(noise, p0=first, p1=first + 64))
assert np.allclose(loudness(noise), theirs, atol=1e-9)

# %% [markdown]
# Five kinds of tones, made by a formula, with random pitch and speed and more or less noise. A
# falling tone is a rising one played backwards.


# %%
KINDS = ("steady", "rising", "falling", "warble", "pulse")


def tone(kind, random):
    """A sound of LENGTH numbers."""
    time = np.arange(LENGTH) / RATE
    pitch = np.full(LENGTH, random.uniform(400, 1500))
    loud = np.ones(LENGTH)
    if kind in ("rising", "falling"):
        pitch *= np.linspace(1, random.uniform(1.5, 2.5), LENGTH)
    if kind == "warble":
        pitch *= 1 + 0.2 * np.sin(2 * np.pi * random.uniform(3, 7) * time)
    if kind == "pulse":
        loud = (np.sin(2 * np.pi * random.uniform(3, 7) * time) > 0).astype(float)
    sound = loud * np.sin(2 * np.pi * np.cumsum(pitch) / RATE + random.uniform(0, 6))
    noise = random.uniform(0.05, 0.3) * random.normal(size=LENGTH)
    return (sound[::-1] if kind == "falling" else sound) + noise


random = np.random.default_rng(0)
examples = {kind: tone(kind, random) for kind in KINDS}

# %% tags=["hide-input"]
figure, grid = lab.subplots(2, len(KINDS), size=(9.4, 3.4))
for column, (kind, sound) in zip(grid.T, examples.items(), strict=True):
    column[0].plot(sound[:800:2], linewidth=0.7)
    column[0].set(title=kind, xticks=[], yticks=[], ylim=(-2, 2))
    column[1].imshow(spectrogram(sound), cmap="gray")
    column[1].set(xticks=[], yticks=[])
    column[1].grid(False)
grid[0, 0].set_ylabel("first 0.1 s")
grid[1, 0].set_ylabel("spectrogram")
lab.show(
    figure,
    description="Five kinds of tones: above the first tenth of a second as a wave, below the "
    "spectrogram: a level line, a rising one, a falling one, a wavy one, and a broken one.",
)

# %% [markdown]
# > **Predict first.** A CNN gets the spectrograms. Its opponent, a random forest, gets the spectrum
# > of the whole sound: how much of each frequency there is, without saying when. Which kinds can
# > the opponent not tell apart? And what will the CNN lose if training images are mirrored at
# > random, left to right, which does so much good to photographs?
#
# <details><summary>Answer</summary>
#
# Rising and falling: the same frequencies, in another order. Mirrored from left to right, a
# spectrogram is that of the sound played backwards, so mirroring turns the one into the other and
# teaches the CNN that they are the same: between these two it can only guess. An augmentation is a
# claim about the world: here, the claim that direction in time does not matter.
#
# </details>

# %%
per_kind = lab.pick(300, quick=60)
kinds = np.repeat(np.arange(len(KINDS)), per_kind)
sounds = np.array([spectrogram(tone(KINDS[kind], random)) for kind in kinds])
testing = np.arange(len(kinds)) % 4 == 0
np.savez(
    lab.folder / "tones.npz",
    x_train=sounds[~testing],
    y_train=kinds[~testing],
    x_test=sounds[testing],
    y_test=kinds[testing],
    class_names=np.array(KINDS),
)


def directions_told(truth, predicted):
    """The share of rising and falling tones that are called by their own name."""
    moving = np.isin(truth, ["rising", "falling"])
    return float(np.mean(np.asarray(truth)[moving] == np.asarray(predicted)[moving]))


heard = {
    augment: lab.train(
        f"tones-{augment}",
        lab.folder / "tones.npz",
        seeds=lab.seeds(3, quick=1),
        model="lenet5",
        augment=augment,
        epochs=lab.pick(20, quick=10),
    )
    for augment in ("none", "clothes")  # the preset for clothes mirrors images
}
spectra = sounds.astype(float).mean(axis=2) / 255  # [N, 32]: the mean over time
opponent = RandomForestClassifier(300, random_state=0).fit(spectra[~testing], kinds[~testing])
names = np.array(KINDS)
guessed = names[opponent.predict(spectra[testing])]
truth = names[kinds[testing]]
rows = [
    {
        "": "spectrum of the whole sound",
        "accuracy": float(np.mean(guessed == truth)),
        "rising, falling": directions_told(truth, guessed),
    }
]
for augment, runs in heard.items():
    tables = [pd.read_csv(run.folder / "predictions.csv") for run in runs]
    rows.append(
        {
            "": "CNN, training images mirrored" if augment == "clothes" else "CNN",
            "accuracy": np.mean(accuracies(runs)),
            "rising, falling": np.mean([directions_told(t.label, t.predicted) for t in tables]),
        }
    )
pd.DataFrame(rows).round(3)

# %% [markdown]
# ## Words
#
# Now spoken digits, if the speech synthesiser espeak-ng is installed (on Debian
# `apt install espeak-ng`). Several voices say the ten words at several speeds and pitches. A part
# of the training recordings is kept for validation; the test has other voices, which the network
# has never heard.
#
# > **Predict first.** Which accuracy will be higher, that of the validation or that of the test?
# > Which of them would you tell a customer?
#
# <details><summary>Answer</summary>
#
# That of the validation: it has voices that the network knows from training. But the customer's
# voice is new, so the test's number is the honest one. Whatever comes in groups, voices, patients,
# cameras, must be split by group: in `nunbit train` that is what `--group-from` is for.
#
# </details>

# %%
WORDS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
KNOWN = lab.pick(["m1", "m2", "m3", "m4", "m5", "m6", "f1", "f2", "f3"], quick=["m1", "m3", "f1"])
UNKNOWN = lab.pick(["m7", "m8", "f4", "f5"], quick=["m7", "f4"])


def speak(word, voice, random):
    """The spectrogram of a word, spoken by espeak-ng at random speed and pitch."""
    file = lab.folder / "word.wav"
    speed, pitch = str(random.integers(120, 200)), str(random.integers(25, 75))
    command = ["espeak-ng", "-v", f"en+{voice}", "-s", speed, "-p", pitch, "-w", str(file), word]
    subprocess.run(command, check=True)
    rate, sound = wavfile.read(file)
    moments = np.arange(LENGTH) / RATE  # to our rate, and silence up to our length
    sound = np.interp(moments, np.arange(len(sound)) / rate, sound / 32768, right=0)
    return spectrogram(sound + 1e-3 * random.normal(size=LENGTH))


def recordings(voices, takes, random):
    """Images [N, 32, 32] and numbers of the words [N]."""
    said = [
        (speak(word, voice, random), number)
        for voice in voices
        for number, word in enumerate(WORDS)
        for _ in range(takes)
    ]
    return np.array([image for image, _ in said]), np.array([number for _, number in said])


can_speak = shutil.which("espeak-ng") is not None
if can_speak:
    known, known_words = recordings(KNOWN, lab.pick(12, quick=3), np.random.default_rng(0))
    unknown, unknown_words = recordings(UNKNOWN, lab.pick(12, quick=2), np.random.default_rng(1))
    np.savez(
        lab.folder / "words.npz",
        x_train=known,
        y_train=known_words,
        x_test=unknown,
        y_test=unknown_words,
        class_names=np.array(WORDS),
    )
    runs = lab.train(
        "words",
        lab.folder / "words.npz",
        seeds=lab.seeds(3, quick=1),
        model="lenet5",
        augment="none",
        epochs=lab.pick(40, quick=8),
    )
    for part, meaning in {"validation": "voices it knows", "test": "new voices"}.items():
        found = accuracies(runs, part)
        count = runs[0].summary["n"][part]
        print(f"{meaning}: {np.mean(found):.3f} of {count}, {len(found)} seed(s)")
else:
    print("espeak-ng is not installed: no words here")

# %% tags=["hide-input"]
if can_speak:
    figure, grid = lab.subplots(2, 10, size=(9.6, 2.5))
    for row, pictures, numbers, who in (
        (grid[0], known, known_words, KNOWN[0]),
        (grid[1], unknown, unknown_words, UNKNOWN[-1]),
    ):
        for number, axes in enumerate(row):
            rows_of_word = np.flatnonzero(numbers == number)
            axes.imshow(pictures[rows_of_word[0 if who == KNOWN[0] else -1]], cmap="gray")
            axes.set(xticks=[], yticks=[])
            axes.grid(False)
        row[0].set_ylabel(f"voice {who}", fontsize=9)
    for axes, word in zip(grid[0], WORDS, strict=True):
        axes.set_title(word, fontsize=9)
    lab.show(
        figure,
        description="Spectrograms of the ten spoken digits, above by a voice of the training, "
        "below by a new voice.",
        caption="Time from left to right, up to 4 kHz from bottom to top.",
    )

# %% [markdown]
# ## Exercises
#
# `nunbit lab 17 --solution` shows worked solutions.
#
# **1. Counting.** `row-lstm` has 128 units. How many weights and biases would such a network have
# with 64? It reads 28 pixels at a time; each of its four parts (three gates and the new content)
# has weights for the row, weights for the state, and, in PyTorch, two biases for each unit. A
# linear layer for 10 classes follows.

# %% exercise="count"
parameters = None


# %% tags=["hide-input"]
def is_count(number):
    parts = [torch.nn.LSTM(28, 64), torch.nn.Linear(64, 10)]
    wanted = sum(p.numel() for part in parts for p in part.parameters())
    assert number == wanted, "4 parts, each with 64 rows of 28 + 64 weights, and 2 times 64 biases"


lab.check("count", parameters, is_count)

# %% [markdown]
# **2. Fine and coarse.** Our frames hold 256 numbers at 8,000 numbers a second, so neighbouring
# frequencies are 8000 / 256 = 31.25 Hz apart. Two tones are 10 Hz apart. How many numbers must a
# frame hold, as a power of two, so that neighbouring frequencies are no further apart than that?
# How long does such a frame last, and what does that mean for a fast warble?

# %% exercise="frame"
numbers = None


# %% tags=["hide-input"]
def is_frame(numbers):
    assert numbers & (numbers - 1) == 0, "a power of two: 256, 512, ..."
    assert numbers * 10 >= RATE, f"they are {RATE / numbers:.3g} Hz apart"
    assert numbers * 5 < RATE, "a shorter frame would do"


lab.check("frame", numbers, is_frame)

# %% [markdown]
# **3. Backwards.** Write a function that turns the spectrogram of a sound, [32, 32], into that of
# the sound played backwards, without hearing the sound.

# %% exercise="backwards"
backwards = None  # a function: image -> image


# %% tags=["hide-input"]
def plays_backwards(turn):
    for kind, sound in examples.items():
        wanted = spectrogram(sound[::-1]).astype(int)
        gap = np.abs(np.asarray(turn(spectrogram(sound))).astype(int) - wanted).max()
        assert gap <= 1, f"a {kind} tone comes out wrong, by up to {gap} of 255"


lab.check("backwards", backwards, plays_backwards)
