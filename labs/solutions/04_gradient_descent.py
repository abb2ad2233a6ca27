# %% [markdown]
# The slope is $4 w - 8$ and the curvature 4, everywhere, so the limit is $2 / 4$. Where the bottom
# lies does not matter.

# %% exercise="limit"
limit = 0.5

# %% [markdown]
# $60000 = 937 \cdot 64 + 32$: the last 32 images make a batch of their own. A loss that is averaged
# over batches counts each of these images twice as much as the others, if nobody takes care.

# %% exercise="steps"
steps_and_last = (938, 32)

# %% [markdown]
# In the first step, mean and mean square are those of a single slope: $g / \sqrt{g^2}$ is the sign
# of $g$. Both weights move by the rate itself. (For the tiny slope a very little less, for the
# $10^{-8}$ that is added below the line.)

# %% exercise="adam"
moves = (0.01, 0.01)
