# %% [markdown]
# $197 \cdot 256 + 257 \cdot 128 + 129 \cdot 10$: a quarter of the pixels, and so a quarter of the
# weights of the first layer. The others do not know how large the picture was.

# %% exercise="half"
parameters = 197 * 256 + 257 * 128 + 129 * 10

# %% [markdown]
# A share $1 - p$ of the units stays, so those that do are divided by it.


# %% exercise="dropout"
def dropout(x, p, keep):
    return x * keep / (1 - p)


# %% [markdown]
# $\sqrt{0.88 \cdot 0.12 / 10000}$, about a third of a point. Two networks that differ by less than
# twice that may be equally good, and another seed moves the number as well.

# %% exercise="error"
points = 100 * (0.88 * 0.12 / 10_000) ** 0.5
