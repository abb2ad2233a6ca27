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
#     minutes: 0.1
#     quick_seconds: 4
# ---

# %% [markdown]
# # 01 · The perceptron
#
# One unit, two weights and a bias: the smallest thing that learns from examples. We let it compute
# OR with weights that we choose, then let it find its own, and then ask it for something that it
# can never do.

# %%
import numpy as np
import pandas as pd
import torch
from scipy.optimize import linprog

import nunbit
from nunbit_labs import Published, open_lab, style

lab = open_lab("01_perceptron")

# %% [markdown]
# ## One unit
#
# A perceptron (Rosenblatt, 1958) adds up its inputs, each multiplied by a weight, and a bias $w_0$:
#
# $$s = w_0 + w_1 x_1 + w_2 x_2$$
#
# Then it decides: the output is $+1$ where $s \ge 0$, and $-1$ elsewhere. That jump is called the
# step function.

# %%
INPUTS = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])  # all there are of two bits


def weighted_sums(weights, inputs):
    """s = w0 + w1 x1 + … + wd xd: weights [d + 1], inputs [N, d] -> [N]."""
    return weights[0] + inputs @ weights[1:]


def step(sums):
    return np.where(sums >= 0, 1, -1)


# %% [markdown]
# > **Predict first.** The bias is −0.5 and both weights are 1. For which of the four inputs is the
# > sum below zero? Which logic gate is that?
#
# <details><summary>Answer</summary>
#
# Only for (0, 0), where the bias stands alone: a single 1 at the input is enough to lift the sum
# above zero. That is OR.
#
# </details>

# %%
OR_WEIGHTS = np.array([-0.5, 1, 1])

sums = weighted_sums(OR_WEIGHTS, INPUTS)
outputs = step(sums)
pd.DataFrame({"x1": INPUTS[:, 0], "x2": INPUTS[:, 1], "sum s": sums, "output": outputs})

# %% tags=["hide-input"]
lab.compare(
    "OR by hand: the sums",
    ", ".join(f"{value:g}" for value in sums),
    Published("-0.5, 0.5, 0.5, 1.5"),
    comparable=True,
)
lab.compare(
    "OR by hand: the outputs",
    ", ".join(map(str, outputs)),
    Published("-1, 1, 1, 1"),
    comparable=True,
)

# %% [markdown]
# The library has the same unit. Its network gives the sums, because only they have a slope to learn
# from; `decide` takes the step.

# %%
perceptron = nunbit.create_model("perceptron", classes=1, width=2)
with torch.no_grad():
    perceptron.sum.bias[:] = torch.tensor(OR_WEIGHTS[:1])
    perceptron.sum.weight[:] = torch.tensor(OR_WEIGHTS[1:])
    library_outputs = perceptron.decide(torch.tensor(INPUTS, dtype=torch.float32))

assert np.array_equal(library_outputs.numpy().ravel(), outputs)
print("the library's outputs:", library_outputs.numpy().ravel())

# %% [markdown]
# ## A line in the plane
#
# The inputs with $s = 0$ form a straight line. On one side of it the perceptron says $+1$, on the
# other $-1$. The weights give the line its direction, the bias moves it. OR and AND differ in the
# bias alone.


# %% tags=["hide-input"]
def draw_decision(axes, weights, targets, title):
    """The two sides of the line, and the four inputs: round and blue for +1, square for -1."""
    x1, x2 = np.meshgrid(np.linspace(-0.5, 1.5, 101), np.linspace(-0.5, 1.5, 101))
    plane = weighted_sums(weights, np.column_stack([x1.ravel(), x2.ravel()])).reshape(x1.shape)
    colours = [style.ORANGE, style.BLUE]
    axes.contourf(x1, x2, plane, levels=[-1e9, 0, 1e9], colors=colours, alpha=0.15)
    if plane.min() < 0 < plane.max():
        axes.contour(x1, x2, plane, levels=[0], colors=style.INK, linewidths=1.5)
    for (a, b), target in zip(INPUTS, targets, strict=True):
        marker, colour = ("o", style.BLUE) if target == 1 else ("s", style.ORANGE)
        axes.plot(a, b, marker, color=colour, markersize=10, markeredgecolor=style.PAPER)
    axes.set(title=title, xlabel="x1", ylabel="x2", xticks=[0, 1], yticks=[0, 1], aspect="equal")
    axes.grid(False)


# %%
AND_WEIGHTS = np.array([-1.5, 1, 1])
OR = np.array([-1, 1, 1, 1])
AND = np.array([-1, -1, -1, 1])
NAND = -AND
XOR = np.array([-1, 1, 1, -1])

figure, (left, right) = lab.subplots(1, 2, size=(7, 3.3))
draw_decision(left, OR_WEIGHTS, OR, "OR: bias -0.5")
draw_decision(right, AND_WEIGHTS, AND, "AND: bias -1.5")
lab.show(
    figure,
    description="Two planes with the four inputs and a falling line. For OR the line runs close "
    "to (0, 0), for AND close to (1, 1).",
    caption="Round and blue: the output should be +1. Square and orange: -1.",
)

# %% [markdown]
# ## The learning rule
#
# Nobody has to choose the weights. Take one example after another. If the output $o$ is what is
# wanted, $y$, do nothing. If not, move every weight towards the right answer, by its own input
# (the bias has an input that is always 1):
#
# $$w_i \leftarrow w_i + \eta\,(y - o)\,x_i$$
#
# $\eta$ is the learning rate. A round through all examples is an epoch. When an epoch passes
# without a mistake, nothing will ever change again.


# %%
def learn(targets, weights, *, inputs=INPUTS, rate=0.1, epochs=50):
    """Weights after every correction, and the number of mistakes in every epoch."""
    history, mistakes = [weights], []
    for _ in range(epochs):
        wrong = 0
        for x, wanted in zip(inputs, targets, strict=True):
            error = wanted - step(weighted_sums(weights, x))  # 0, or ±2
            if error != 0:
                weights = weights + rate * error * np.array([1, *x])
                history.append(weights)
                wrong += 1
        mistakes.append(wrong)
        if wrong == 0:
            break
    return history, mistakes


# %% [markdown]
# > **Predict first.** We begin with random weights and show the four rows of AND again and again.
# > Will the line jump about forever, or come to rest? Does the answer depend on where it begins?
#
# <details><summary>Answer</summary>
#
# It comes to rest, wherever it begins. Rosenblatt's rule finds a separating line after a finite
# number of corrections whenever there is one (Novikoff, 1962). Only how long it takes depends on
# the beginning.
#
# </details>

# %%
start = np.random.default_rng(5).normal(size=3)
history, mistakes = learn(AND, start)
print(f"{len(history) - 1} corrections in {len(mistakes)} epochs; weights {history[-1].round(2)}")


def draw_moment(figure, number):
    draw_decision(figure.subplots(), history[number], AND, f"AND, corrections: {number}")


moments = sorted({*range(0, len(history), max(1, len(history) // 30)), len(history) - 1})
lab.animate(
    draw_moment,
    moments,
    size=(4.2, 3.8),
    seconds=0.25,
    description="The line of a perceptron that learns AND: it jumps with every correction and "
    "comes to rest when (1, 1) alone is on its blue side.",
    caption="Each frame is one correction, or a few.",
)

# %% [markdown]
# ## The four gates, and one that fails
#
# > **Predict first.** XOR is $+1$ when exactly one input is 1. What will the number of mistakes in
# > each epoch look like after fifty epochs?
#
# <details><summary>Answer</summary>
#
# It never reaches zero. A line that has (0, 1) and (1, 0) on its blue side has (0, 0) or (1, 1)
# there as well: adding the conditions $w_0 + w_2 \ge 0$ and $w_0 + w_1 \ge 0$ gives
# $2 w_0 + w_1 + w_2 \ge 0$, while $w_0 < 0$ and $w_0 + w_1 + w_2 < 0$ give the opposite. The rule
# keeps correcting in a circle.
#
# </details>

# %%
seeds = lab.seeds(100, quick=20)
starts = [np.random.default_rng(seed).normal(size=3) for seed in seeds]
curves = {
    name: [learn(targets, start)[1] for start in starts]
    for name, targets in {"OR": OR, "AND": AND, "NAND": NAND, "XOR": XOR}.items()
}
rows = []
for name, found in curves.items():
    done = [len(mistakes) for mistakes in found if mistakes[-1] == 0]
    epochs = f"{np.median(done):.0f} ({min(done)} to {max(done)})" if done else "-"
    rows.append({"gate": name, "seeds": len(found), "learned": len(done), "epochs": epochs})
pd.DataFrame(rows).rename(columns={"epochs": "epochs: median (range)"})

# %% tags=["hide-input"]
figure, axes = lab.subplots(size=(6.5, 3.2))
shown_epochs = 25
for (name, found), line in zip(curves.items(), ["-", "--", "-.", "-"], strict=True):
    filled = [(m + [m[-1]] * shown_epochs)[:shown_epochs] for m in found]
    axes.plot(range(1, shown_epochs + 1), np.mean(filled, axis=0), line, label=name)
axes.set(xlabel="epoch", ylabel="mistakes, mean over the seeds", ylim=(-0.1, 4.1))
axes.legend()
lab.show(
    figure,
    description="Mistakes in each epoch, of four examples: those of OR, AND and NAND fall to "
    "zero, those of XOR rise until everything is wrong.",
)

# %% [markdown]
# ## How much can one unit do?
#
# Two bits have four combinations, so there are $2^4 = 16$ functions of two bits with one bit as
# answer, and $2^8 = 256$ of three bits.
#
# > **Predict first.** How many of the 16 can a perceptron compute? And is its share among the
# > functions of three bits larger or smaller?
#
# <details><summary>Answer</summary>
#
# All of the 16 but XOR and its opposite. With more inputs the share shrinks quickly: nearly
# everything needs more than one unit. That is why networks have layers.
#
# </details>
#
# Whether a separating line exists is a question of linear programming: are there weights with
# $y\,s \ge 1$ for every example?


# %%
def is_separable(inputs, targets):
    """Whether some perceptron gives these targets ±1 [N] to these inputs [N, d]."""
    with_bias = np.column_stack([np.ones(len(inputs)), inputs])
    found = linprog(
        np.zeros(with_bias.shape[1]),
        A_ub=-targets[:, None] * with_bias,
        b_ub=-np.ones(len(inputs)),
        bounds=(None, None),
    )
    return found.status == 0


def count_separable(bits):
    inputs = np.array(list(np.ndindex(*[2] * bits)))
    functions = np.array(list(np.ndindex(*[2] * len(inputs)))) * 2 - 1
    return sum(is_separable(inputs, targets) for targets in functions)


# %% tags=["hide-input"]
SOURCE = "number of threshold functions, OEIS A000609"
lab.compare(
    "functions of two bits that one unit computes, of 16",
    count_separable(2),
    Published(14, SOURCE, digits=0),
    comparable=True,
)
lab.compare(
    "functions of three bits, of 256",
    count_separable(3),
    Published(104, SOURCE, digits=0),
    comparable=True,
)

# %% [markdown]
# ## Exercises
#
# `nunbit lab 01 --solution` shows worked solutions.
#
# **1. NAND.** Give bias and two weights so that the unit computes NAND: the opposite of AND.

# %% exercise="nand"
nand_weights = None  # three numbers: w0, w1, w2


# %% tags=["hide-input"]
def is_nand(weights):
    outputs = step(weighted_sums(np.asarray(weights, dtype=float), INPUTS))
    assert np.array_equal(outputs, NAND), f"the outputs are {outputs}, wanted are {NAND}"


lab.check("nand", nand_weights, is_nand)

# %% [markdown]
# **2. Majority.** Three inputs; the output is $+1$ when at least two of them are 1. One unit is
# enough.

# %% exercise="majority"
majority_weights = None  # four numbers


# %% tags=["hide-input"]
def is_majority(weights):
    inputs = np.array(list(np.ndindex(2, 2, 2)))
    wanted = np.where(inputs.sum(axis=1) >= 2, 1, -1)
    outputs = step(weighted_sums(np.asarray(weights, dtype=float), inputs))
    wrong = inputs[outputs != wanted].tolist()
    assert not wrong, f"wrong for {wrong}"


lab.check("majority", majority_weights, is_majority)

# %% [markdown]
# **3. The learning rate.** We learn AND from weights that are all zero, once with $\eta = 0.125$
# and once with $\eta = 8$. Will the second take fewer epochs, as many, or more? Think before you
# try.

# %% exercise="rate"
answer = None  # "fewer", "as many" or "more"


# %% tags=["hide-input"]
def is_right_about_rates(answer):
    assert answer in ("fewer", "as many", "more"), "say 'fewer', 'as many' or 'more'"
    slow, fast = (len(learn(AND, np.zeros(3), rate=rate)[1]) for rate in (0.125, 8))
    truth = "fewer" if fast < slow else "more" if fast > slow else "as many"
    assert answer == truth, "count the epochs that learn(AND, np.zeros(3), rate=...) takes"


lab.check("rate", answer, is_right_about_rates)
