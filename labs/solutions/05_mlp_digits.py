# %% [markdown]
# $785 \cdot 64 + 65 \cdot 128 + 129 \cdot 10$: each unit has its inputs and a bias.

# %% exercise="count"
parameters = 785 * 64 + 65 * 128 + 129 * 10

# %% [markdown]
# Multiply out: $W_2 W_1 x + W_2 b_1 + b_2$. However many linear layers there are, together they are
# one. It takes the bend in between for depth to be worth anything.


# %% exercise="merge"
def merge(w1, b1, w2, b2):
    return w2 @ w1, w2 @ b1 + b2


# %% [markdown]
# 600 batches in an epoch make $15 \cdot 600 = 9000$ steps. A full batch makes one step of an epoch,
# so there would be 15.

# %% exercise="steps"
steps = (9000, 15)
