# %% [markdown]
# The derivative of $\tanh z$ is $1 - \tanh^2 z$, so the outputs are all that is needed.

# %% exercise="tanh"
def tanh_slope(t):
    return 1 - t**2


# %% [markdown]
# Each share is $1/10$, and $-\ln(1/10) = \ln 10$.

# %% exercise="chance"
chance_loss = np.log(10)

# %% [markdown]
# $-\ln \left( e^{z_t} / \sum e^z \right) = \ln \sum e^z - z_t$. Taking the largest logit away from
# all of them changes nothing, and leaves no number above 0 to be raised.


# %% exercise="stable"
def cross_entropy(z, true):
    z = z - z.max()
    return np.log(np.exp(z).sum()) - z[true]
