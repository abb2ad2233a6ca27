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
#     minutes: 2
#     quick_seconds: 12
# ---

# %% [markdown]
# # 04 · Gradient descent
#
# The slope says which way is down, but not how far to go. Here is what the learning rate decides,
# how many examples a step should look at, and what seven ways of stepping make of the same slopes.

# %%
import time

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F

import nunbit
from nunbit_labs import Published, open_lab, style

lab = open_lab("04_gradient_descent")

# %% [markdown]
# ## How far is a step?
#
# Take a valley in two weights that is ten times as steep across as along: its loss is
# $L = \frac{1}{2}\,(w_1^2 + 10\,w_2^2)$, its slopes are $w_1$ and $10\,w_2$. Gradient descent with
# the learning rate $\eta$ goes against the slope, again and again:
#
# $$w \leftarrow w - \eta\,\nabla L(w)$$
#
# > **Predict first.** We try the rates 0.02, 0.1, 0.19 and 0.21, forty steps each. Which of them
# > comes closest to the bottom? What do the last two do differently?
#
# <details><summary>Answer</summary>
#
# Each step multiplies $w_1$ by $1 - \eta$ and $w_2$ by $1 - 10\,\eta$. A small rate hardly moves
# along the valley. With $\eta > 1/10$ the second factor is negative: the path jumps from one wall
# to the other. Above $\eta = 2/10$ it is below $-1$, so that each jump is larger than the one
# before. In general the rate must be below $2$ divided by the largest curvature, and that of the
# flattest direction then says how long it takes.
#
# </details>

# %%
VALLEY = np.diag([1.0, 10.0])  # the curvatures: L = w VALLEY w / 2
START = np.array([-4.0, 1.0])


def loss_at(weights, valley):
    """L at weights [..., 2]."""
    return 0.5 * np.einsum("...i,ij,...j", weights, valley, weights)


def descend(rate, steps, valley=VALLEY, start=START):
    """The path of gradient descent: [steps + 1, 2]."""
    path = [start]
    for _ in range(steps):
        path.append(path[-1] - rate * valley @ path[-1])
    return np.array(path)


RATES = [0.02, 0.1, 0.19, 0.21]
paths = {rate: descend(rate, 40) for rate in RATES}
pd.DataFrame(
    {
        "rate": RATES,
        "factor along": [1 - rate for rate in RATES],
        "factor across": [1 - 10 * rate for rate in RATES],
        "loss at the start": [loss_at(path[0], VALLEY) for path in paths.values()],
        "loss after 40 steps": [f"{loss_at(path[-1], VALLEY):.2g}" for path in paths.values()],
    }
).round(3)


# %% tags=["hide-input"]
def draw_valley(axes, valley, title):
    """Lines of equal loss, and the bottom."""
    first, second = np.meshgrid(np.linspace(-5, 5, 161), np.linspace(-3.2, 3.2, 121))
    height = loss_at(np.stack([first, second], axis=-1), valley)
    levels = np.geomspace(0.1, 60, 9)
    axes.contour(first, second, height, levels=levels, colors=style.LINE, linewidths=1)
    axes.plot(0, 0, "+", color=style.INK, markersize=9)
    axes.set(title=title, xlim=(-5, 5), ylim=(-3.2, 3.2), xticks=[-4, 0, 4], yticks=[-2, 0, 2])
    axes.grid(False)


figure, axes = lab.subplots(2, 2, size=(9.4, 5.2), sharex=True, sharey=True)
for part, (rate, path) in zip(axes.ravel(), paths.items(), strict=True):
    draw_valley(part, VALLEY, f"rate {rate}")
    part.plot(path[:, 0], path[:, 1], "o-", color=style.BLUE, markersize=3, linewidth=1)
lab.show(
    figure,
    description="Four paths in a narrow valley. The smallest rate creeps along the bottom, 0.1 "
    "walks straight in, 0.19 jumps from wall to wall and settles, 0.21 jumps ever further out.",
    caption="Grey: lines of equal loss. Cross: the bottom.",
)

# %% [markdown]
# Is the limit really where the formula says? We search for the largest rate at which the loss does
# not grow, by halving.


# %%
def largest_stable_rate(valley):
    low, high = 0.0, 0.5
    for _ in range(30):
        middle = (low + high) / 2
        last = descend(middle, 200, valley)[-1]
        low, high = (middle, high) if np.abs(last).max() < 10 else (low, middle)
    return low


lab.compare(
    "largest learning rate that does not explode, curvature 10",
    largest_stable_rate(VALLEY),
    Published(0.2, "theory: 2 / largest curvature", digits=2),
    comparable=True,
)

# %% [markdown]
# ## How many examples for a step?
#
# A loss is a mean over examples. Its slope can be taken over all of them (full batch), over one
# (single sample), or over a few (mini-batch). All three are the same line of code. The task is
# 8 × 8 digits, with a single layer and softmax. Its slope is $X^\top (P - Y) / B$: inputs times
# errors, averaged over the $B$ examples of the batch.
#
# > **Predict first.** All three see every image equally often, at the same rate. Which one has the
# > lowest loss after five rounds through the data? Which needs the least time for a round? A fourth
# > line gives the mini-batch five times the rate: does it pay?
#
# <details><summary>Answer</summary>
#
# A full batch takes one step in a round, a single sample as many as there are images: many rough
# steps go further than one exact step. But a computer multiplies large matrices well, and a round
# in single steps takes the longest. Mini-batches stand in between. They jump about less than single
# samples do, so they stand a larger rate, and that makes up for much of what is missing.
#
# </details>

# %%
data = nunbit.load_data("digits")
order = np.random.default_rng(0).permutation(len(data))
pixels = (data.samples.images.array.reshape(len(data), 64) / 255)[order]
labels = np.asarray(data.samples.labels)[order]
TRAIN, VALIDATION, TEST = np.split(np.arange(len(data)), [1000, 1400])
targets = np.eye(10)[labels]


def slope(weights, rows):
    """The gradient [65, 10] of the cross entropy over some images; the last row is the bias."""
    inputs = np.column_stack([pixels[rows], np.ones(len(rows))])
    logits = inputs @ weights
    raised = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares = raised / raised.sum(axis=1, keepdims=True)
    return inputs.T @ (shares - targets[rows]) / len(rows)


def training_loss(weights):
    logits = torch.tensor(np.column_stack([pixels[TRAIN], np.ones(len(TRAIN))]) @ weights)
    return F.cross_entropy(logits, torch.tensor(labels[TRAIN])).item()


def descend_digits(seed, batch, epochs, rate):
    """Losses at tenths of the rounds (of each round if it is one step), and seconds a round."""
    random = np.random.default_rng(seed)
    weights = np.zeros((65, 10))
    rounds, losses, spent = [0.0], [training_loss(weights)], 0.0
    for epoch in range(epochs):
        batches = np.array_split(random.permutation(TRAIN), max(1, len(TRAIN) // batch))
        for part in np.array_split(np.arange(len(batches)), min(10, len(batches))):
            began = time.perf_counter()
            for number in part:
                weights = weights - rate * slope(weights, batches[number])
            spent += time.perf_counter() - began
            rounds.append(epoch + (part[-1] + 1) / len(batches))
            losses.append(training_loss(weights))
    return {"rounds": rounds, "losses": losses, "seconds": spent / epochs}


check = torch.zeros(65, 10, dtype=torch.float64, requires_grad=True)
inputs = torch.tensor(np.column_stack([pixels[TRAIN], np.ones(len(TRAIN))]))
F.cross_entropy(inputs @ check, torch.tensor(labels[TRAIN])).backward()
assert np.allclose(slope(np.zeros((65, 10)), TRAIN), check.grad.numpy(), atol=1e-12)

BATCHES = {
    "full batch": (len(TRAIN), 0.1),
    "mini-batch of 20": (20, 0.1),
    "single sample": (1, 0.1),
    "mini-batch, rate 0.5": (20, 0.5),
}
found = {
    name: lab.repeat("batch", descend_digits, seeds=lab.seeds(5), batch=batch, epochs=5, rate=rate)
    for name, (batch, rate) in BATCHES.items()
}
rows = []
for (name, (batch, _)), runs in zip(BATCHES.items(), found.values(), strict=True):
    rows.append(
        {
            "way": name,
            "steps in a round": len(TRAIN) // batch,
            "loss after 1 round": np.mean([run["losses"][run["rounds"].index(1)] for run in runs]),
            "after 5 rounds": np.mean([run["losses"][-1] for run in runs]),
            "milliseconds a round": 1000 * np.median([run["seconds"] for run in runs]),
        }
    )
pd.DataFrame(rows).round(3)

# %% tags=["hide-input"]
figure, axes = lab.subplots(size=(7, 3.4))
for (name, runs), line in zip(found.items(), ["o--", "-", "-", "-."], strict=True):
    losses = np.array([run["losses"] for run in runs])
    axes.plot(runs[0]["rounds"], losses.mean(axis=0), line, markersize=4, label=name)
    axes.fill_between(runs[0]["rounds"], losses.min(axis=0), losses.max(axis=0), alpha=0.15)
axes.set(xlabel="rounds through the data", ylabel="loss on all training images", yscale="log")
axes.legend(loc="upper right", bbox_to_anchor=(1, 0.94))
lab.show(
    figure,
    description="Loss against rounds. The full batch falls slowly, one dot for each round; the "
    "mini-batch falls faster and smoothly, faster still at its larger rate; the single sample "
    "falls quickest, in a jagged line.",
    caption="Mean over the seeds; the shade is their range.",
)

# %% [markdown]
# The slope over a batch is an estimate of the slope over everything.
#
# > **Predict first.** A batch four times as large costs four times as much. How much closer does it
# > come to the true slope: four times, twice, or hardly?
#
# <details><summary>Answer</summary>
#
# Twice: the error of a mean of $B$ draws falls as $1/\sqrt{B}$. This is the reason for small
# batches. Precision costs more than it brings, as long as there is still far to go.
#
# </details>


# %%
def slope_error(seed, batch, draws):
    """Mean distance between the slope over a batch and that over all, after 20 full steps."""
    random = np.random.default_rng(seed)
    weights = np.zeros((65, 10))
    for _ in range(20):
        weights = weights - 0.1 * slope(weights, TRAIN)
    exact = slope(weights, TRAIN)
    errors = [
        np.sum((slope(weights, random.choice(TRAIN, batch)) - exact) ** 2) for _ in range(draws)
    ]
    return np.sqrt(np.mean(errors)) / np.linalg.norm(exact)


sizes = [1, 4, 16, 64, 256]
draws = lab.pick(1000, quick=300)
errors = np.array([[slope_error(seed, batch, draws) for batch in sizes] for seed in lab.seeds(3)])
pd.DataFrame({"batch": sizes, "error / length of the slope": errors.mean(axis=0).round(3)})

# %% tags=["hide-input"]
lab.compare(
    "error of the slope as a power of the batch size",
    [np.polyfit(np.log(sizes), np.log(row), 1)[0] for row in errors],
    Published(-0.5, "theory: the error of a mean of B draws is 1 / sqrt(B)", digits=2),
    tolerance=0.03,
    comparable=True,
)

# %% [markdown]
# ## Seven ways to step
#
# All of them get the same slopes $g$. Momentum and Nesterov's form of it remember where they were
# going. Adagrad, RMSprop and Adadelta divide each weight's step by the size of its own slopes so
# far: all of them since the start, or mostly the last ones. Adam does both. Written out, each is a
# few lines; `m` is what it remembers.


# %%
def sgd(w, g, m, rate):
    return w - rate * g


def momentum(w, g, m, rate):
    m["v"] = 0.9 * m.get("v", 0) + g
    return w - rate * m["v"]


def nesterov(w, g, m, rate):
    m["v"] = 0.9 * m.get("v", 0) + g
    return w - rate * (g + 0.9 * m["v"])  # as if looking one step ahead


def adagrad(w, g, m, rate):
    m["s"] = m.get("s", 0) + g**2
    return w - rate * g / (np.sqrt(m["s"]) + 1e-10)


def rmsprop(w, g, m, rate):
    m["s"] = 0.99 * m.get("s", 0) + 0.01 * g**2
    return w - rate * g / (np.sqrt(m["s"]) + 1e-8)


def adadelta(w, g, m, rate):
    m["s"] = 0.9 * m.get("s", 0) + 0.1 * g**2
    move = np.sqrt(m.get("d", 0) + 1e-6) / np.sqrt(m["s"] + 1e-6) * g
    m["d"] = 0.9 * m.get("d", 0) + 0.1 * move**2
    return w - rate * move


def adam(w, g, m, rate):
    m["t"] = m.get("t", 0) + 1
    m["v"] = 0.9 * m.get("v", 0) + 0.1 * g
    m["s"] = 0.999 * m.get("s", 0) + 0.001 * g**2
    mean, square = m["v"] / (1 - 0.9 ** m["t"]), m["s"] / (1 - 0.999 ** m["t"])
    return w - rate * mean / (np.sqrt(square) + 1e-8)


# %% [markdown]
# The library trains with PyTorch's optimisers. Ours must take the same hundred steps.

# %%
WAYS = {
    "SGD": (sgd, lambda p, rate: torch.optim.SGD(p, lr=rate)),
    "momentum": (momentum, lambda p, rate: torch.optim.SGD(p, lr=rate, momentum=0.9)),
    "Nesterov": (
        nesterov,
        lambda p, rate: torch.optim.SGD(p, lr=rate, momentum=0.9, nesterov=True),
    ),
    "Adagrad": (adagrad, lambda p, rate: torch.optim.Adagrad(p, lr=rate)),
    "Adadelta": (adadelta, lambda p, rate: torch.optim.Adadelta(p, lr=rate)),
    "RMSprop": (rmsprop, lambda p, rate: torch.optim.RMSprop(p, lr=rate)),
    "Adam": (adam, lambda p, rate: torch.optim.Adam(p, lr=rate)),
}


def walk(way, rate, steps, valley, start=START):
    """The path of one of the seven: [steps + 1, 2]."""
    path, memory = [start], {}
    for _ in range(steps):
        path.append(way(path[-1], valley @ path[-1], memory, rate))
    return np.array(path)


def walk_of_torch(make, rate, steps, valley):
    weights = torch.tensor(START, requires_grad=True)
    optimiser = make([weights], rate)
    for _ in range(steps):
        loss = 0.5 * weights @ torch.tensor(valley) @ weights
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return weights.detach().numpy()


for name, (ours, theirs) in WAYS.items():
    gap = np.abs(walk(ours, 0.02, 100, VALLEY)[-1] - walk_of_torch(theirs, 0.02, 100, VALLEY)).max()
    assert gap < 1e-9, name
print("all seven agree with PyTorch's to within 1e-9")

# %% [markdown]
# ## A valley that runs askew
#
# A valley four times as narrow: forty times as steep across as along. Then the same valley, turned
# by 45°. For each way and each valley we look for the rate that brings the loss below a thousandth
# of its first value soonest.
#
# > **Predict first.** Four of the seven divide each weight's step by the size of that weight's own
# > slopes. Will turning the valley make them faster, slower, or change nothing? And SGD?
#
# <details><summary>Answer</summary>
#
# SGD, momentum and Nesterov do not know where the axes point: for them nothing changes. Dividing
# weight by weight undoes a difference in steepness only where it runs along the axes; in the turned
# valley both weights have slopes of like size, and there is little to even out. Those that were
# quick because of it lose most of that. Nothing promises that the valleys of a network run along
# its weights.
#
# </details>

# %%
NARROW = np.diag([1.0, 40.0])
TURN = np.array([[1, -1], [1, 1]]) / np.sqrt(2)
VALLEYS = {"straight": (NARROW, START), "turned": (TURN @ NARROW @ TURN.T, TURN @ START)}
MAX_STEPS = 400


def steps_needed(path, valley):
    """The first step after which the loss stays below a thousandth; None if there is none."""
    losses = loss_at(path, valley)
    above = np.flatnonzero(~(losses < losses[0] / 1000))
    return None if above[-1] == len(losses) - 1 else int(above[-1]) + 1


def best_rate(way, valley, start):
    """(steps, rate) of the quickest rate, or None."""
    tried = []
    with np.errstate(over="ignore", invalid="ignore"):
        for rate in np.geomspace(1e-3, 1e2, 41):
            steps = steps_needed(walk(way, rate, MAX_STEPS, valley, start), valley)
            tried += [] if steps is None else [(steps, float(rate))]
    return min(tried, default=None)


best = {
    name: {kind: best_rate(way, *VALLEYS[kind]) for kind in VALLEYS}
    for name, (way, _) in WAYS.items()
}
pd.DataFrame(
    [
        {
            "way": name,
            **{
                f"{kind}: steps (rate)": f"{got[0]} ({got[1]:.2g})" if got else f"> {MAX_STEPS}"
                for kind, got in row.items()
            },
        }
        for name, row in best.items()
    ]
)

# %% tags=["hide-input"]
valley, start = VALLEYS["turned"]
racers = {
    name: walk(WAYS[name][0], row["turned"][1], 60, valley, start)
    for name, row in best.items()
    if row["turned"]
}
lines = dict(zip(racers, ["-", "--", "-.", ":", "-", "--", "-."], strict=False))


def draw_race(figure, step):
    axes = figure.subplots()
    draw_valley(axes, valley, f"the turned valley, step {step}")
    axes.set(xlim=(-5, 3), ylim=(-3.8, 2), aspect="equal")
    for (name, path), colour in zip(racers.items(), style.CYCLE, strict=False):
        axes.plot(*path[: step + 1].T, lines[name], color=colour, linewidth=1.4, label=name)
        axes.plot(*path[step], "o", color=colour, markersize=5)
    axes.legend(loc="lower right", ncols=2)


lab.animate(
    draw_race,
    [*range(0, 20), *range(20, 61, 4)],
    size=(6, 4.4),
    seconds=0.25,
    description="The ways race down the turned valley, each at its best rate: some jump from wall "
    "to wall, some swing past the bottom and come back, some creep along the floor.",
    caption="Each at the rate that was quickest for it.",
)

# %% [markdown]
# ## On a network
#
# Enough of valleys: the network `mlp-64-128` on the digits, 1,000 images to learn from. We try each
# way at rates from far too small to far too large, choose the rate on other images (validation),
# and take the accuracy on a third part (test).
#
# > **Predict first.** Will the seven want the same rate? Once each has its own, how far apart will
# > they be: thirty points of accuracy, a few, or nothing?
#
# <details><summary>Answer</summary>
#
# The rates differ by powers of ten, because a step is the rate times something of another size in
# each: a slope, ten slopes, or a slope divided by its own size. A comparison at one rate for all
# says nothing. At their own rates only a few points are left between them, and a rate that is ten
# times too large can cost far more than the choice of the way.
#
# </details>

# %%
images = torch.tensor(pixels, dtype=torch.float32).reshape(-1, 1, 8, 8)
classes = torch.tensor(labels)


def accuracy(network, rows):
    with torch.no_grad():
        return (network(images[rows]).argmax(dim=1) == classes[rows]).float().mean().item()


def try_rates(seed, way, rates, epochs):
    """Accuracies on validation and test images after training at each rate."""
    results = []
    for rate in rates:
        network = nunbit.create_model(
            "mlp-64-128", classes=10, height=8, width=8, generator_seed=seed
        )
        optimiser = WAYS[way][1](network.parameters(), rate)
        generator = torch.Generator().manual_seed(seed)
        for _ in range(epochs):
            for rows in torch.randperm(len(TRAIN), generator=generator).split(50):
                loss = F.cross_entropy(network(images[rows]), classes[rows])
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()
        results.append([accuracy(network, VALIDATION), accuracy(network, TEST)])
    return results


rates = [float(rate) for rate in 10.0 ** np.arange(-4, 1.1, lab.pick(0.5, quick=1.0))]
tried = {
    name: lab.repeat(
        f"rates-{name}",
        try_rates,
        seeds=lab.seeds(5),
        way=name,
        rates=rates,
        epochs=lab.pick(15, quick=2),
    )
    for name in WAYS
}
rows = []
for name, runs in tried.items():
    both = 100 * np.array(runs)  # [seeds, rates, 2]
    validation = both[..., 0].mean(axis=0)
    chosen = int(validation.argmax())
    test = both[:, chosen, 1]
    good = int(np.sum(validation > validation.max() - 2))
    rows.append(
        {
            "way": name,
            "best rate": f"{rates[chosen]:.2g}",
            "test accuracy, %": f"{test.mean():.1f} ± {test.std(ddof=1):.1f}",
            "rates within 2 points of the best": f"{good} of {len(rates)}",
        }
    )
print(f"mean and deviation of {len(runs)} seeds, on {len(TEST)} images")
pd.DataFrame(rows)

# %% tags=["hide-input"]
for name, runs in tried.items():
    both = np.array(runs)
    chosen = int(both[..., 0].mean(axis=0).argmax())
    lab.record(
        f"digits, {name}, its best rate {rates[chosen]:.2g}: accuracy",
        both[:, chosen, 1].tolist(),
        images=len(TEST),
        seconds=runs.seconds,
    )
figure, axes = lab.subplots(size=(8.6, 4.2))
lines = ["o-", "s--", "^-.", "v:", "D-", "x--", "*-."]
for (name, runs), line in zip(tried.items(), lines, strict=True):
    axes.plot(rates, 100 * np.array(runs)[..., 0].mean(axis=0), line, markersize=5, label=name)
axes.set(xscale="log", xlabel="learning rate", ylabel="validation accuracy, %", ylim=(0, 102))
axes.legend(loc="center left", bbox_to_anchor=(1, 0.5))
lab.show(
    figure,
    description="Accuracy against the learning rate, a hill for each of the seven ways: the hills "
    "stand at different rates, over powers of ten, and fall off on both sides.",
    caption="Mean over the seeds.",
)

# %% [markdown]
# ## Exercises
#
# `nunbit lab 04 --solution` shows worked solutions.
#
# **1. The limit.** One weight, and the loss $L = 2\,w^2 - 8\,w$. At which learning rate does
# gradient descent begin to explode?

# %% exercise="limit"
limit = None


# %% tags=["hide-input"]
def is_limit(rate):
    def distance(rate):
        weight = 0.0
        for _ in range(2000):
            weight -= rate * (4 * weight - 8)
            if abs(weight) > 1e6:
                break
        return abs(weight - 2)

    assert distance(0.98 * rate) < 0.01, "just below this rate it explodes already"
    assert distance(1.02 * rate) > 1, "just above this rate it still arrives"


lab.check("limit", limit, is_limit)

# %% [markdown]
# **2. Counting steps.** 60,000 images in batches of 64: how many steps make a round, and how many
# images has the last batch?

# %% exercise="steps"
steps_and_last = None  # two numbers


# %% tags=["hide-input"]
def is_count(numbers):
    batches = torch.arange(60_000).split(64)
    steps, last = numbers
    assert steps == len(batches), "the images that are left over make a batch, too"
    assert last == len(batches[-1]), "what remains after the full batches?"


lab.check("steps", steps_and_last, is_count)

# %% [markdown]
# **3. Adam's first step.** The rate is 0.01. One weight has the slope 1000, another has the slope
# 0.001. How far does Adam's first step move each of them?

# %% exercise="adam"
moves = None  # two numbers


# %% tags=["hide-input"]
def is_first_step(numbers):
    moved = np.abs(adam(np.zeros(2), np.array([1000, 0.001]), {}, 0.01))
    given = np.asarray(numbers, dtype=float)
    assert given.shape == (2,), "give two numbers"
    assert np.allclose(np.abs(given), moved, rtol=0.01), "follow the lines of adam with t = 1"


lab.check("adam", moves, is_first_step)
