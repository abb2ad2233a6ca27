# %% [markdown]
# The first sees 3 pixels, and each further one two more: $1 + 2k \ge 31$.

# %% exercise="window"
convolutions = 15

# %% [markdown]
# The bottleneck has $256 \cdot 64 + 9 \cdot 64 \cdot 64 + 64 \cdot 256$ weights, the other
# $2 \cdot 9 \cdot 256 \cdot 256$. That is why the deep ones can afford so many channels.

# %% exercise="bottleneck"
weights_of_both = [256 * 64 + 9 * 64 * 64 + 64 * 256, 2 * 9 * 256 * 256]

# %% [markdown]
# With the last convolution at zero, $f(x) = 0$ and $x + 0$ is left. A deeper network can therefore
# always be as good as a shallower one: its further blocks need only be pushed to zero. Without the
# shortcut, the two convolutions would have to find a kernel with a single 1 in the middle of each
# channel's own weights.


# %% exercise="nothing"
def do_nothing(block):
    block.layers[3].weight.zero_()
    block.layers[3].bias.zero_()
