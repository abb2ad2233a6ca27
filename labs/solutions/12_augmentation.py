# %% [markdown]
# The last axis holds the columns.


# %% exercise="mirror"
def mirror(images):
    return images[:, :, ::-1]


# %% [markdown]
# Two times four, and not one more: a mirror of top and bottom is a mirror of left and right and
# half a turn, which was among them already.

# %% exercise="count"
pictures = [8, 8]

# %% [markdown]
# A mirrored 2 or 7 is not a digit, whichever way the mirror stands, and a 6 that is turned round is
# a 9.

# %% exercise="digits"
harmful = {"horizontal-flip", "vertical-flip", "rotation-180"}
