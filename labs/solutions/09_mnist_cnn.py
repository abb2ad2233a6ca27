# %% [markdown]
# Thirteen: fewer than chance alone moves the number of a single run. Both runs may well be equally
# good.

# %% exercise="images"
images = 13

# %% [markdown]
# The mask is drawn for each value; what stays is divided by $1 - p$.


# %% exercise="dropout"
def dropout(x, p, random):
    return x * (random.random(x.shape) >= p) / (1 - p)


# %% [markdown]
# The same with one draw for each map: the last two axes of the mask have length 1, so that it holds
# for all values of the map.


# %% exercise="maps"
def dropout_maps(x, p, random):
    return x * (random.random((*x.shape[:2], 1, 1)) >= p) / (1 - p)
