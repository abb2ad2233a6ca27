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
#     minutes: 1
#     quick_seconds: 8
# ---

# %% [markdown]
# # 02 · Activations and losses
#
# The step of the perceptron has no slope, so nothing can be learned through it. Here are the curves
# that took its place, the losses that say how wrong an output is, and the trouble that comes when
# many slopes are multiplied.

# %%
import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from torch import nn

import nunbit
from nunbit_labs import Published, open_lab, style

lab = open_lab("02_activations_losses")

# %% [markdown]
# ## Five curves
#
# An activation turns the sum $z$ of a unit into its output. Learning goes by slopes, so the slope
# of the curve matters as much as the curve. That of the sigmoid $\sigma(z) = 1 / (1 + e^{-z})$ is
# $\sigma(z)\,(1 - \sigma(z))$.
#
# > **Predict first.** Where is the sigmoid steepest, and how steep is it there? How steep is it far
# > from there?
#
# <details><summary>Answer</summary>
#
# At $z = 0$, where $\sigma = 1/2$: the slope is $1/4$, and nowhere more. Far to the left and right
# the curve is flat: a unit that is sure of itself, rightly or wrongly, hardly learns, unless the
# loss makes up for it (further down).
#
# </details>

# %%
ACTIVATIONS = {
    "step": lambda z: torch.where(z >= 0, 1.0, 0.0) + 0 * z,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "ReLU": F.relu,
    "leaky ReLU": lambda z: F.leaky_relu(z, negative_slope=0.1),
}


def curve_and_slope(activation, sums):
    """Outputs [N] and slopes [N] at the sums [N]; the slope by automatic differentiation."""
    z = sums.clone().requires_grad_()
    outputs = activation(z)
    (slopes,) = torch.autograd.grad(outputs.sum(), z)
    return outputs.detach(), slopes


sums = torch.linspace(-5, 5, 401)
curves = {name: curve_and_slope(function, sums) for name, function in ACTIVATIONS.items()}
pd.DataFrame(
    [
        {
            "activation": name,
            "largest slope": f"{slopes.max():.3g}",
            "slope at z = -5": f"{slopes[0]:.3g}",
            "slope at z = 5": f"{slopes[-1]:.3g}",
        }
        for name, (_, slopes) in curves.items()
    ]
)

# %% tags=["hide-input"]
figure, (left, right) = lab.subplots(1, 2, size=(9.4, 3.4))
lines = ["-", "--", "-.", "-", ":"]
for (name, (outputs, slopes)), line in zip(curves.items(), lines, strict=True):
    left.plot(sums, outputs, line, label=name)
    right.plot(sums, slopes, line)
left.set(title="activation", xlabel="sum z", ylim=(-1.2, 2.2))
right.set(title="its slope", xlabel="sum z", ylim=(-0.1, 1.2))
left.legend()
lab.show(
    figure,
    description="Left the five activations, right their slopes. The step's slope is zero, the "
    "sigmoid's a low hill, that of tanh a hill four times as high, that of ReLU 0 and then 1.",
)

# %% [markdown]
# ## Softmax
#
# With several classes, the outputs should be shares that add up to 1. Softmax makes them from any
# numbers, which are then called logits: take $e^z$ of each, and divide by the sum.
#
# > **Predict first.** What happens to the shares when 10 is added to every logit? And when every
# > logit is multiplied by 3?
#
# <details><summary>Answer</summary>
#
# Adding changes nothing: the factor $e^{10}$ stands above and below the line. Multiplying makes the
# largest share larger: the network sounds surer, though the order of the classes is the same.
#
# </details>


# %%
def softmax(logits):
    """Shares from logits, along the last axis."""
    raised = np.exp(logits - logits.max(axis=-1, keepdims=True))  # adding changes nothing
    return raised / raised.sum(axis=-1, keepdims=True)


logits = np.array([2.0, 1.0, 0.0])
cases = {"z": logits, "z + 10": logits + 10, "3 z": 3 * logits}
for name, values in cases.items():
    shares = softmax(values)
    assert np.allclose(shares, torch.softmax(torch.tensor(values), dim=-1).numpy(), atol=1e-12)
    print(f"{name:>7}: {values} -> {shares.round(3)}")

# %% [markdown]
# ## Cross entropy
#
# How wrong is an output? Cross entropy looks at the share $q$ that the true class was given, and
# takes $-\ln q$: nothing for certainty, and without limit for a true class that was excluded. The
# loss of a batch is the mean.
#
# > **Predict first.** Three images; their true classes were given 0.6, 0.6 and 0.3. Which of them
# > makes up most of the loss? By how much does it fall if the third goes from 0.3 to 0.6?
#
# <details><summary>Answer</summary>
#
# The third one: $-\ln 0.3$ is more than twice $-\ln 0.6$. Doubling a share always takes $\ln 2$,
# about 0.69, from that image's loss, wherever it began.
#
# </details>

# %%
outputs = np.array([[0.6, 0.3, 0.1], [0.2, 0.6, 0.2], [0.4, 0.3, 0.3]])
true_class = np.array([0, 1, 2])

losses = -np.log(outputs[np.arange(3), true_class])
library_loss = F.cross_entropy(torch.tensor(np.log(outputs)), torch.tensor(true_class))
assert np.isclose(losses.mean(), library_loss.item(), atol=1e-12)
pd.DataFrame({"q": outputs[np.arange(3), true_class], "loss": losses.round(4)})

# %% tags=["hide-input"]
for number, (loss, published) in enumerate(zip(losses, (0.51, 0.51, 1.20), strict=True), start=1):
    lab.compare(f"cross entropy of sample {number}", loss, Published(published), comparable=True)
lab.compare("mean of the three", losses.mean(), Published(0.74), comparable=True)
lab.compare(
    "H(p, q) for q = 0.7, logarithm to base 10",
    -np.log10(0.7),
    Published(0.1549, digits=4),
    comparable=True,
    remark="libraries use the natural logarithm: the same with another unit, 2.303 times as large",
)

# %% [markdown]
# ## Which loss pushes harder?
#
# One sigmoid unit should say 1. The mean squared error is $(1 - \sigma)^2$, the cross entropy
# $-\ln \sigma$.
#
# > **Predict first.** The sum is −6, so the unit is sure of the wrong answer. Which loss moves it
# > more, and why?
#
# <details><summary>Answer</summary>
#
# Cross entropy. Through the squared error the slope of the sigmoid comes in as a factor, and that
# is nearly zero there: the worse the mistake, the weaker the push. The logarithm cancels that
# factor. What is left is $\sigma - 1$, the error itself.
#
# </details>

# %%
sums = torch.linspace(-8, 8, 401)
losses_of_one = {
    "cross entropy": lambda z: -F.logsigmoid(z),
    "squared error": lambda z: (1 - torch.sigmoid(z)) ** 2,
}
pushes = {name: curve_and_slope(loss, sums) for name, loss in losses_of_one.items()}

at = int(torch.argmin((sums + 6).abs()))
for name, (_, slopes) in pushes.items():
    print(f"slope of the {name} at z = {sums[at]:.0f}: {slopes[at]:.5f}")

# %% tags=["hide-input"]
figure, (left, right) = lab.subplots(1, 2, size=(9.4, 3.2))
for (name, (values, slopes)), line in zip(pushes.items(), ["-", "--"], strict=True):
    left.plot(sums, values, line, label=name)
    right.plot(sums, slopes, line)
left.set(title="loss of a unit that should say 1", xlabel="sum z")
right.set(title="its slope: the push", xlabel="sum z")
left.legend()
lab.show(
    figure,
    description="Left, the cross entropy grows without limit to the left while the squared error "
    "levels off at 1. Right, the slope of the cross entropy goes to -1, that of the squared error "
    "back to 0.",
)

# %% [markdown]
# ## Twenty slopes in a row
#
# Back-propagation multiplies the slopes of all layers above. We build twenty layers of 64 units on
# 8 × 8 digits, show them one batch, and measure the gradient of each layer's weights. The first
# weights are drawn as is usual for each activation: by Glorot's rule, and by He's for ReLU.
#
# > **Predict first.** Compared with the last layer: how much smaller is the gradient of the first
# > layer with sigmoid, with tanh, with ReLU? Ten times, a thousand times, a million times?
#
# <details><summary>Answer</summary>
#
# With the sigmoid far more than a million times: each layer brings a factor of at most $1/4$, times
# the weights. Tanh has slope 1 at zero and ReLU slope 1 for half of the units, and the rules for
# the first weights are made to keep the size from layer to layer.
#
# </details>

# %%
LAYERS = {"sigmoid": nn.Sigmoid, "tanh": nn.Tanh, "ReLU": nn.ReLU}

data = nunbit.load_data("digits")
pixels = data.samples.images.array.reshape(len(data), 64) / 255
inputs = torch.tensor((pixels - pixels.mean()) / pixels.std(), dtype=torch.float32)
labels = torch.tensor(data.samples.labels)


def deep_network(activation, depth, generator):
    """`depth` hidden layers of 64 units: [B, 64] -> logits [B, 10]."""
    layers = []
    for outputs in [64] * depth + [10]:
        layer = nn.Linear(64, outputs)
        nn.init.zeros_(layer.bias)
        if activation == "ReLU" and outputs == 64:
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu", generator=generator)
        else:
            nn.init.xavier_normal_(layer.weight, generator=generator)
        layers += [layer, LAYERS[activation]()]
    return nn.Sequential(*layers[:-1])


def gradient_norms(seed, activation, depth):
    """The length of the gradient of each layer's weights, first to last, on 256 digits."""
    network = deep_network(activation, depth, torch.Generator().manual_seed(seed))
    F.cross_entropy(network(inputs[:256]), labels[:256]).backward()
    return [p.grad.norm().item() for p in network.parameters() if p.ndim == 2]


norms = {
    name: np.array([gradient_norms(seed, name, 20) for seed in lab.seeds(10, quick=3)])
    for name in LAYERS
}
pd.DataFrame(
    [
        {
            "activation": name,
            "seeds": len(found),
            "first layer": f"{np.median(found[:, 0]):.1e}",
            "last layer": f"{np.median(found[:, -1]):.1e}",
            "last / first": f"{np.median(found[:, -1] / found[:, 0]):.1e}",
        }
        for name, found in norms.items()
    ]
)

# %% tags=["hide-input"]
figure, axes = lab.subplots(size=(7, 3.6))
for (name, found), marker in zip(norms.items(), "sov", strict=True):
    depth = range(1, found.shape[1] + 1)
    axes.plot(depth, np.median(found, axis=0), marker=marker, label=name)
    axes.fill_between(depth, found.min(axis=0), found.max(axis=0), alpha=0.15)
axes.set(yscale="log", xlabel="layer, from the input", ylabel="length of the gradient")
axes.set_xticks([1, 5, 10, 15, 21])
axes.legend()
lab.show(
    figure,
    description="Gradient by layer on a logarithmic scale. Tanh and ReLU stay level, the sigmoid "
    "falls in a straight line towards the input, over many powers of ten.",
    caption="Median over the seeds; the shade is the range.",
)

# %% [markdown]
# ## Does it matter?
#
# > **Predict first.** We train such networks for a few epochs, with 2, 5, 10 and 20 hidden layers.
# > Which of the three activations stops learning first as the network grows deeper? Will the two
# > others still learn with twenty?
#
# <details><summary>Answer</summary>
#
# The sigmoid gives up first. That gradients keep their size at the beginning helps the others
# further, but it does not promise that a deep network trains: momentum and learning rate, the same
# for all here, may be too much for it. Batch normalisation (lab 11) and shortcuts (lab 13) are
# answers to that.
#
# </details>

# %%
TRAINED = 1400  # images to learn from; the others are for testing


def test_accuracy(seed, activation, depth, epochs):
    """Share of right answers on the other images after plain SGD with momentum."""
    generator = torch.Generator().manual_seed(seed)
    network = deep_network(activation, depth, generator)
    optimiser = torch.optim.SGD(network.parameters(), lr=0.05, momentum=0.9)
    for _ in range(epochs):
        for batch in torch.randperm(TRAINED, generator=generator).split(64):
            loss = F.cross_entropy(network(inputs[batch]), labels[batch])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
    with torch.no_grad():
        right = network(inputs[TRAINED:]).argmax(dim=1) == labels[TRAINED:]
    return right.float().mean().item()


depths = lab.pick([2, 5, 10, 20], quick=[2, 10])
found = {
    name: [
        lab.repeat(
            f"{name}-{depth}",
            test_accuracy,
            seeds=lab.seeds(5),
            activation=name,
            depth=depth,
            epochs=lab.pick(15, quick=2),
        )
        for depth in depths
    ]
    for name in LAYERS
}
table = pd.DataFrame(
    {
        name: [f"{100 * np.mean(runs):.1f} ± {100 * np.std(runs, ddof=1):.1f}" for runs in rows]
        for name, rows in found.items()
    }
)
table.insert(0, "hidden layers", depths)
seeds = len(found["ReLU"][0])
print(f"accuracy in percent on {len(data) - TRAINED} images, mean and deviation of {seeds} seeds")
table

# %% tags=["hide-input"]
for name, rows in found.items():
    lab.record(
        f"digits, {depths[-1]} hidden layers of {name}: accuracy",
        rows[-1][:],
        images=len(data) - TRAINED,
    )
figure, axes = lab.subplots(size=(7, 3.4))
for (name, rows), marker in zip(found.items(), "sov", strict=True):
    (line,) = axes.plot(depths, [100 * np.mean(runs) for runs in rows], marker=marker, label=name)
    colour = line.get_color()
    for depth, runs in zip(depths, rows, strict=True):
        dots = [depth] * len(runs), [100 * one for one in runs]
        axes.plot(*dots, marker, color=colour, markersize=4, fillstyle="none")
axes.axhline(10, color=style.SOFT, linestyle=":", linewidth=1)
axes.set(xlabel="hidden layers", ylabel="test accuracy, %", ylim=(0, 102), xticks=depths)
axes.legend()
lab.show(
    figure,
    description="Accuracy against depth for the three activations, with a small mark for every "
    "seed; guessing is a dotted line at 10 %.",
    caption="Lines: mean over the seeds; small marks: the seeds. Dotted: guessing.",
)

# %% [markdown]
# ## Exercises
#
# `nunbit lab 02 --solution` shows worked solutions.
#
# **1. The slope of tanh.** Write the slope of tanh at the sums $z$, given only its outputs
# $t = \tanh z$. This is what makes it cheap: the outputs are there already.

# %% exercise="tanh"
tanh_slope = None  # a function: def tanh_slope(t): return ...


# %% tags=["hide-input"]
def is_slope_of_tanh(function):
    z = torch.linspace(-3, 3, 61, dtype=torch.float64)
    outputs, slopes = curve_and_slope(torch.tanh, z)
    given = np.asarray(function(outputs.numpy()), dtype=float)
    assert given.shape == (61,), "give one slope for each output"
    worst = np.abs(given - slopes.numpy()).max()
    assert worst < 1e-9, f"off by up to {worst:.2g}"


lab.check("tanh", tanh_slope, is_slope_of_tanh)

# %% [markdown]
# **2. Knowing nothing.** A network for ten classes gives each of them the same share. What is its
# cross entropy? This number is worth knowing: a first loss far above it means a mistake.

# %% exercise="chance"
chance_loss = None


# %% tags=["hide-input"]
def is_chance_loss(value):
    wanted = F.cross_entropy(torch.zeros(1, 10), torch.tensor([3])).item()
    assert abs(value - wanted) < 0.005, "a network with equal logits has another loss"


lab.check("chance", chance_loss, is_chance_loss)

# %% [markdown]
# **3. A loss that survives.** Write the cross entropy of one example from its logits, for a numpy
# array `z` and the number of the true class, so that it works for logits such as 1000 and −1000,
# where $e^z$ overflows.

# %% exercise="stable"
cross_entropy = None  # a function: def cross_entropy(z, true): return ...


# %% tags=["hide-input"]
def is_stable(function):
    for z in ([2.0, 1.0, 0.0], [1000.0, 0.0, -1000.0], [-1000.0, -1001.0, -1002.0]):
        wanted = F.cross_entropy(torch.tensor(z), torch.tensor(1)).item()
        with np.errstate(all="ignore"):
            given = function(np.array(z), 1)
        assert np.isclose(given, wanted, atol=1e-5), f"{given} for {z}, wanted is {wanted:.4f}"


lab.check("stable", cross_entropy, is_stable)
