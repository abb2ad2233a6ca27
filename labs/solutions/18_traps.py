# %% [markdown]
# The best that a softmax can say is 1 for one class and 0 for the 99 others. Taken for logits, and
# put through a second softmax, that is a probability of $e / (e + 99)$.

# %% exercise="floor"
lowest_loss = -np.log(np.e / (np.e + 99))

# %% [markdown]
# A test picture has none in training only if both of its sisters have fallen into the tenth as
# well, which happens with probability $0.1^2$.

# %% exercise="sisters"
share = 1 - 0.1**2

# %% [markdown]
# Each mean, multiplied by its size, is the sum of its batch again. Sums may be added; they are
# divided once, at the end.


# %% exercise="mean"
def mean_loss(means, sizes):
    return (means * sizes).sum() / sizes.sum()
