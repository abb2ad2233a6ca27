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
#     quick_seconds: 10
# ---

# %% [markdown]
# # 03 · XOR
#
# One unit cannot compute XOR. Here is what it does when it has to learn it all the same, how a few
# units together succeed, first by hand and then by back-propagation, and why some of them seem to
# learn nothing for thousands of steps.

# %%
from itertools import pairwise

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F

import nunbit
from nunbit_labs import Published, open_lab, style

lab = open_lab("03_xor")

INPUTS = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], dtype=float)
TARGETS = np.array([[0], [1], [1], [0]], dtype=float)

# %% [markdown]
# ## One unit gives up
#
# The unit of lab 01, with a sigmoid in place of the step, so that it has a slope. It learns by
# gradient descent on the cross entropy, all four examples at a time, learning rate 1.
#
# > **Predict first.** Which output will it end with for each of the four inputs? Which loss is
# > that? (Think of somebody who must bet on a coin.)
#
# <details><summary>Answer</summary>
#
# One half for everything: no line is better than none, so the best is to say "I do not know" each
# time. The loss of that is $-\ln 0.5 = \ln 2 \approx 0.6931$.
#
# </details>


# %%
def train_one_unit(seed, steps):
    """Loss and outputs of one sigmoid unit after gradient descent on XOR."""
    unit = nunbit.create_model("perceptron", classes=1, width=2, generator_seed=seed)
    inputs, targets = (torch.tensor(a, dtype=torch.float32) for a in (INPUTS, TARGETS))
    optimiser = torch.optim.SGD(unit.parameters(), lr=1.0)
    for _ in range(steps):
        loss = F.binary_cross_entropy_with_logits(unit(inputs), targets)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    with torch.no_grad():
        logits = unit(inputs)
        loss = F.binary_cross_entropy_with_logits(logits, targets)
    return {"loss": loss.item(), "outputs": torch.sigmoid(logits).ravel().tolist()}


single = lab.repeat(
    "one-unit", train_one_unit, seeds=lab.seeds(3), steps=lab.pick(10_001, quick=1_000)
)
print("outputs of seed 0:", np.round(single[0]["outputs"], 4))

# %% tags=["hide-input"]
lab.compare(
    "one sigmoid unit: loss",
    [result["loss"] for result in single],
    Published(0.6931, digits=4),
    comparable=True,
    seconds=single.seconds,
)
undecided = max(np.abs(np.array(result["outputs"]) - 0.5).max() for result in single)
lab.compare(
    "one sigmoid unit: accuracy",
    [float(np.mean((np.array(r["outputs"]) > 0.5) == TARGETS.ravel())) for r in single],
    Published(0.5, digits=2),
    comparable=True,
    remark=f"all outputs within {max(undecided, 1e-6):.0e} of a half, which counts as 0 here",
)

# %% [markdown]
# ## Three units, by hand
#
# Two units side by side, one that computes OR and one that computes NAND, and a third that takes
# AND of their answers: XOR is "one of them, but not both". We use the units of lab 01, with the
# step.
#
# > **Predict first.** The first two units turn the four inputs into new points (OR, NAND). Where do
# > (0, 1) and (1, 0) land? Can a line now do what it could not do before?
#
# <details><summary>Answer</summary>
#
# Both land on (1, 1): the layer has folded the plane, and the two points that belong together now
# lie together. A line separates them easily from the other two. That is what hidden layers are for:
# they find a place where the task is easy.
#
# </details>


# %%
def unit(bias, weights):
    """A perceptron with outputs 0 and 1."""
    return lambda inputs: (bias + inputs @ np.array(weights) >= 0).astype(float)


OR, NAND, AND = unit(-0.5, [1, 1]), unit(1.5, [-1, -1]), unit(-1.5, [1, 1])


def xor_by_hand(inputs):
    hidden = np.column_stack([OR(inputs), NAND(inputs)])
    return AND(hidden)


hidden = np.column_stack([OR(INPUTS), NAND(INPUTS)])
pd.DataFrame(
    {
        "x1": INPUTS[:, 0].astype(int),
        "x2": INPUTS[:, 1].astype(int),
        "OR": hidden[:, 0].astype(int),
        "NAND": hidden[:, 1].astype(int),
        "AND of both": xor_by_hand(INPUTS).astype(int),
    }
)


# %% tags=["hide-input"]
def draw_points(axes, points, targets, title, names=("x1", "x2")):
    for point, target in zip(points, targets.ravel(), strict=True):
        marker, colour = ("o", style.BLUE) if target == 1 else ("s", style.ORANGE)
        axes.plot(*point, marker, color=colour, markersize=11, markeredgecolor=style.PAPER)
    axes.set(title=title, xlabel=names[0], ylabel=names[1], xticks=[0, 1], yticks=[0, 1])
    axes.set(xlim=(-0.5, 1.5), ylim=(-0.5, 1.5), aspect="equal")
    axes.grid(False)


figure, (left, right) = lab.subplots(1, 2, size=(7, 3.4))
draw_points(left, INPUTS, TARGETS, "inputs: no line will do")
for bias in (0.5, 1.5):
    left.plot([-0.5, 1.5], [bias + 0.5, bias - 1.5], "--", color=style.SOFT, linewidth=1)
draw_points(right, hidden, TARGETS, "after OR and NAND", ("OR", "NAND"))
right.plot([-0.5, 1.5], [2, 0], color=style.INK, linewidth=1.5)
lab.show(
    figure,
    description="Left the four inputs of XOR with the lines of OR and NAND between them. Right the "
    "same points after these two units: both blue ones lie on (1, 1), and one line separates them.",
    caption="Round and blue: XOR is 1. Dashed: the lines of the two hidden units.",
)
lab.compare(
    "OR and NAND in parallel into AND: accuracy",
    float(np.mean(xor_by_hand(INPUTS) == TARGETS.ravel())),
    Published(1.0, digits=1),
    comparable=True,
)

# %% [markdown]
# ## Back-propagation, written out
#
# Nobody wants to find such weights by hand. The network `xor-mlp` has three hidden layers of ten
# sigmoid units and one at the end. Each layer computes $h_{l+1} = \sigma(h_l W_l + b_l)$. Going
# back, $\delta$ is the slope of the loss with respect to the sums of a layer. At the end it is the
# error, $\delta = (o - y) / N$; one layer further down it is
#
# $$\delta_l = (\delta_{l+1} W_l^\top) \cdot h_l (1 - h_l)$$
#
# and the slopes for the weights are $h_l^\top \delta_{l+1}$. That is all there is.


# %%
def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def forward(layers, inputs):
    """What every layer puts out, the inputs first: layers are pairs W [in, out], b [out]."""
    values = [inputs]
    for weights, bias in layers:
        values.append(sigmoid(values[-1] @ weights + bias))
    return values


def gradients(layers, inputs, targets):
    """The slope of the mean cross entropy for every W and b."""
    values = forward(layers, inputs)
    delta = (values[-1] - targets) / len(inputs)
    found = []
    for number in reversed(range(len(layers))):
        found.append((values[number].T @ delta, delta.sum(axis=0)))
        delta = (delta @ layers[number][0].T) * values[number] * (1 - values[number])
    return found[::-1]


def cross_entropy(layers):
    outputs = np.clip(forward(layers, INPUTS)[-1], 1e-300, 1 - 1e-16)
    return float(-np.mean(TARGETS * np.log(outputs) + (1 - TARGETS) * np.log(1 - outputs)))


# %% [markdown]
# The same network from the library, with the same first weights, and its automatic differentiation,
# must give the same slopes.


# %%
def first_weights(seed):
    """The library's xor-mlp of this seed, and its weights as pairs of arrays."""
    network = nunbit.create_model("xor-mlp", classes=1, width=2, generator_seed=seed).double()
    linear = [module for module in network if isinstance(module, torch.nn.Linear)]
    layers = [
        (module.weight.detach().numpy().T.copy(), module.bias.detach().numpy().copy())
        for module in linear
    ]
    return network, layers


network, layers = first_weights(seed=0)
loss = F.binary_cross_entropy_with_logits(network(torch.tensor(INPUTS)), torch.tensor(TARGETS))
loss.backward()
ours = [array for pair in gradients(layers, INPUTS, TARGETS) for array in pair]
worst = max(
    np.abs(parameter.grad.numpy().T - array).max()
    for parameter, array in zip(network.parameters(), ours, strict=True)
)
assert worst < 1e-12
print(f"{sum(p.numel() for p in network.parameters())} weights; largest difference {worst:.1e}")

# %% [markdown]
# ## Will it learn?
#
# Learning rate 1, 10,001 steps on all four examples. We repeat it with other first weights, drawn
# by PyTorch's usual rule. And because much depends on the beginning, we also draw them from a
# normal distribution of deviation 1, which makes them several times as large.
#
# > **Predict first.** What will the loss do: fall steadily, fall at once and then slowly, or
# > something else? Will all seeds succeed? Which first weights are better?
#
# <details><summary>Answer</summary>
#
# It goes to $\ln 2$ at once, the place where the single unit ended, and stays there for long, as if
# nothing could be learned. Then it falls suddenly. With small first weights all sigmoids work near
# their middle and the outputs hardly depend on the inputs; three slopes of at most $1/4$ in a row
# make the push tiny (lab 02). Larger weights spread the outputs, and the wait is short. How long a
# seed waits is chance; with the usual weights, the steps may be over before the wait is. Somebody
# who stops after the first thousand steps would say that the network cannot do it.
#
# </details>


# %%
def train_xor(seed, first, steps, rate):
    """Losses every 25 steps, the last loss and the accuracy; plain gradient descent."""
    layers = first_weights(seed)[1]
    if first == "normal":
        random = np.random.default_rng(seed)
        layers = [(random.normal(size=w.shape), random.normal(size=b.shape)) for w, b in layers]
    losses = []
    for step in range(steps):
        if step % 25 == 0:
            losses.append(cross_entropy(layers))
        slopes = gradients(layers, INPUTS, TARGETS)
        layers = [
            (w - rate * dw, b - rate * db) for (w, b), (dw, db) in zip(layers, slopes, strict=True)
        ]
    right = np.mean((forward(layers, INPUTS)[-1] > 0.5) == TARGETS)
    return {"losses": losses, "loss": cross_entropy(layers), "accuracy": float(right)}


steps = lab.pick(10_001, quick=3_000)
ways = {
    "usual first weights": {"first": "usual", "rate": 1.0},
    "usual, summed loss": {"first": "usual", "rate": 4.0},
    "normal first weights": {"first": "normal", "rate": 1.0},
}
found = {
    name: lab.repeat("xor", train_xor, seeds=lab.seeds(30, quick=3), steps=steps, **way)
    for name, way in ways.items()
}


def waiting(result):
    """The step at which the loss first lies below 0.1; none for a network that stalls."""
    below = [25 * number for number, loss in enumerate(result["losses"]) if loss < 0.1]
    return below[0] if below else None


rows = []
for name, results in found.items():
    waits = [wait for result in results if (wait := waiting(result)) is not None]
    middle = f"{np.median(waits):,.0f} ({min(waits):,} to {max(waits):,})" if waits else "-"
    stalled = len(results) - len(waits)
    rows.append({"": name, "seeds": len(results), "stalled": stalled, "waited, steps": middle})
pd.DataFrame(rows)

# %% tags=["hide-input"]
figure, axes = lab.subplots(1, 2, size=(9.4, 3.5), sharey=True)
shown = ["usual first weights", "normal first weights"]
for part, name in zip(axes, shown, strict=True):
    for result in found[name]:
        colour = style.ORANGE if waiting(result) is None else style.BLUE
        part.plot(range(0, steps, 25), result["losses"], color=colour, linewidth=1, alpha=0.6)
    part.axhline(np.log(2), color=style.INK, linestyle=":", linewidth=1)
    part.set(title=name, xlabel="step", yscale="log")
axes[0].set_ylabel("loss")
lab.show(
    figure,
    description="Loss against steps, one line for each seed. With usual first weights a long flat "
    "stretch at ln 2 before each line drops; with normal ones it drops soon.",
    caption="Each line is a seed; orange ones have not learned XOR in this time. Dotted: ln 2.",
)

# %% [markdown]
# The notes report a loss after 10,001 steps, but not whether they took the mean over the four
# examples or the sum. Gradient descent on the sum takes the same steps as on the mean at four times
# the learning rate. So we ran both; the loss that we show is always the mean. Which of the two
# fits?

# %% tags=["hide-input"]
for name, kind, why in (
    ("usual first weights", "mean", "; steps a quarter as long as on the sum get less far"),
    ("usual, summed loss", "sum", ""),
):
    results = found[name]
    solved = [result["loss"] for result in results if waiting(result) is not None]
    stalled = len(results) - len(solved)
    lab.compare(
        f"xor-mlp, {kind} over the examples: accuracy",
        [result["accuracy"] for result in results],
        Published(1.0, digits=2),
        goal="higher",
        seconds=results.seconds,
        remark=f"{stalled} of {len(results)} seeds were still waiting after {steps:,} steps",
    )
    if solved:
        lab.compare(
            f"xor-mlp, {kind} over the examples: last loss",
            solved,
            Published(3.8e-5, digits=6),
            goal="lower",
            remark=f"of the {len(solved)} of {len(results)} seeds that did not stall{why}",
        )

# %% [markdown]
# ## Watching it happen
#
# The output over the whole plane, for the first seed with normal weights. At first the network does
# what a single unit can do: it draws one line. Then the plane folds, and there are two.


# %%
def states(seed, moments):
    """The layers at certain steps of training with normal first weights."""
    random = np.random.default_rng(seed)
    layers = [
        (random.normal(size=w.shape), random.normal(size=b.shape))
        for w, b in first_weights(seed)[1]
    ]
    for step in range(max(moments) + 1):
        if step in moments:
            yield step, layers
        slopes = gradients(layers, INPUTS, TARGETS)
        layers = [(w - dw, b - db) for (w, b), (dw, db) in zip(layers, slopes, strict=True)]


grid = np.linspace(-0.5, 1.5, 81)
plane = np.stack(np.meshgrid(grid, grid), axis=-1).reshape(-1, 2)


def draw_plane(figure, state):
    step, layers = state
    axes = figure.subplots()
    outputs = forward(layers, plane)[-1].reshape(81, 81)
    levels = np.linspace(0, 1, 11)
    axes.contourf(grid, grid, outputs, levels=levels, cmap=style.BLUE_ORANGE, vmin=-0.5, vmax=1.5)
    axes.contour(grid, grid, outputs, levels=[0.5], colors=style.INK, linewidths=1.5)
    draw_points(axes, INPUTS, TARGETS, f"step {step:,}: loss {cross_entropy(layers):.3f}")


moments = {0, *range(20, 400, 20), *range(400, 1001, 100)}
lab.animate(
    draw_plane,
    states(0, moments),
    size=(4.2, 3.9),
    seconds=0.25,
    description="The output of the network over the plane as it learns: level at first, then one "
    "line divides the plane, and at last two lines, with (0, 0) and (1, 1) in the band between "
    "them and (0, 1) and (1, 0) outside.",
    caption="Blue: towards 1; orange: towards 0; the black line is one half.",
)

# %% [markdown]
# ## Exercises
#
# `nunbit lab 03 --solution` shows worked solutions.
#
# **1. Another way by hand.** Build XOR from `OR` and `AND` as the two hidden units. Give bias and
# weights of the last unit.

# %% exercise="hand"
last_unit = None  # three numbers: bias, weight of OR, weight of AND


# %% tags=["hide-input"]
def is_xor(numbers):
    bias, *weights = numbers
    hidden = np.column_stack([OR(INPUTS), AND(INPUTS)])
    outputs = unit(bias, weights)(hidden)
    assert np.array_equal(outputs, TARGETS.ravel()), f"the outputs are {outputs}"


lab.check("hand", last_unit, is_xor)

# %% [markdown]
# **2. Counting.** `xor-mlp` has ten units in each of its three hidden layers. How many weights and
# biases would it have with five in each?

# %% exercise="count"
parameters = None


# %% tags=["hide-input"]
def is_count(number):
    widths = [2, 5, 5, 5, 1]
    layers = [torch.nn.Linear(a, b) for a, b in pairwise(widths)]
    wanted = sum(p.numel() for layer in layers for p in layer.parameters())
    assert number == wanted, "each unit has a weight for each input, and a bias"


lab.check("count", parameters, is_count)

# %% [markdown]
# **3. All the same.** What if all first weights are equal, say 0.5, with biases 0? Train such a
# network for 10,000 steps with `gradients`, look at its weights and its outputs, and say which loss
# it comes to: `"0"`, `"ln 2"` or `"in between"`.

# %% exercise="same"
answer = None


# %% tags=["hide-input"]
def is_right_about_equal_weights(answer):
    assert answer in ("0", "ln 2", "in between"), 'say "0", "ln 2" or "in between"'
    layers = [(np.full_like(w, 0.5), np.zeros_like(b)) for w, b in first_weights(0)[1]]
    for _ in range(10_000):
        slopes = gradients(layers, INPUTS, TARGETS)
        layers = [(w - dw, b - db) for (w, b), (dw, db) in zip(layers, slopes, strict=True)]
    loss = cross_entropy(layers)
    truth = "0" if loss < 0.05 else "ln 2" if abs(loss - np.log(2)) < 0.01 else "in between"
    assert answer == truth, "try it, and look whether the units of a layer ever differ"


lab.check("same", answer, is_right_about_equal_weights)
