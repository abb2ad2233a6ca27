# %% [markdown]
# A share of $1 - p$ stays, so each of them is divided by that. Nothing has to be done then when the
# network is used.


# %% exercise="dropout"
def dropout(values, share, random):
    stays = random.random(values.shape) >= share
    return values * stays / (1 - share)


# %% [markdown]
# We count the epochs since the lowest loss.


# %% exercise="stop"
def stop_epoch(losses, patience):
    lowest, waited = float("inf"), 0
    for epoch, loss in enumerate(losses, start=1):
        if loss < lowest:
            lowest, waited = loss, 0
        else:
            waited += 1
        if waited == patience:
            return epoch
    return len(losses)


# %% [markdown]
# Both rows are their own mean, so nothing is left, whatever the image shows. The small number that
# is added to the variance keeps it from being 0 divided by 0. In use, the network therefore takes
# statistics that it has collected while training.

# %% exercise="same"
outputs = [0, 0, 0]
