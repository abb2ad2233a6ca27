# %% [markdown]
# Five halvings divide each side by $2^5 = 32$: the map has 7 × 7 positions. Each of them stands for
# 32 × 32 pixels of the image, which is why Grad-CAM is blurred.

# %% exercise="positions"
positions = (224 // 2**5) ** 2

# %% [markdown]
# Sixteen calls of the network for sixteen blocks: occlusion is simple, needs no gradients, and is
# slow. What it finds depends on what the block is covered with.


# %% exercise="occlusion"
def occlusion(score, image):
    whole, lost = score(image), np.zeros((4, 4))
    for row in range(4):
        for column in range(4):
            covered = image.copy()
            covered[2 * row : 2 * row + 2, 2 * column : 2 * column + 2] = 0
            lost[row, column] = whole - score(covered)
    return lost


# %% [markdown]
# The noise of another network is other noise, so the map "depends on the network", and passes. Only
# taking its pixels away shows that they do not matter. Each check finds what the other one misses.

# %% exercise="noise"
fails = "pixels"
