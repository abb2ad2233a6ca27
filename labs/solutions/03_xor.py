# %% [markdown]
# "One of them, and not both": OR counts for the answer, AND against it, and AND must win.

# %% exercise="hand"
last_unit = [-0.5, 1, -2]

# %% [markdown]
# Each unit has a weight for each of its inputs, and a bias:
# $(2 + 1) \cdot 5 + (5 + 1) \cdot 5 + (5 + 1) \cdot 5 + (5 + 1)$.

# %% exercise="count"
parameters = (2 + 1) * 5 + 2 * (5 + 1) * 5 + (5 + 1)

# %% [markdown]
# All units of a layer compute the same and get the same slopes, so they stay equal for ever: each
# layer works as a single unit, and the output can only rise with $x_1 + x_2$, or only fall. So it
# can tell (0, 0) from the rest, but not (1, 1) from (0, 1) and (1, 0). The best that is left is to
# say 0 for the first and $2/3$ for the three others, of which two are 1. That is why first weights
# are random: they break the symmetry.

# %% exercise="same"
answer = "in between"
