# %% [markdown]
# 32 stays 32 and is halved to 16; without padding 14, halved 7.

# %% exercise="inputs"
inputs = 64 * 7 * 7

# %% [markdown]
# $W_3 (W_2 (W_1 x + b_1) + b_2) + b_3 = W_3 W_2 W_1 x + W_3 (W_2 b_1 + b_2) + b_3$. The one layer
# has 23,050 weights and biases instead of nearly one and a half million: the three are not richer
# in what they can compute. They only learn differently.


# %% exercise="collapse"
def collapse(weights, biases):
    w1, w2, w3 = weights
    b1, b2, b3 = biases
    return w3 @ w2 @ w1, w3 @ (w2 @ b1 + b2) + b3


# %% [markdown]
# A little more than half a point to each side. So two networks that differ by less, measured once,
# tell nothing; and the difference between two seeds comes on top.

# %% exercise="interval"
points = 100 * 1.96 * (0.9 * 0.1 / 10_000) ** 0.5
