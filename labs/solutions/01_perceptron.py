# %% [markdown]
# NAND is the opposite of AND, so all signs turn round: AND has $-1.5, 1, 1$. No input lies on the
# line itself, so it does not matter that the step counts 0 as positive.

# %% exercise="nand"
nand_weights = [1.5, -1, -1]

# %% [markdown]
# The sum of the inputs must be at least 2, so the threshold may lie anywhere between 1 and 2.

# %% exercise="majority"
majority_weights = [-1.5, 1, 1, 1]

# %% [markdown]
# Beginning at zero, every weight is a whole multiple of $2\eta$: a larger rate makes all weights
# larger by the same factor, which moves no line and changes no sign. Only with other first weights
# does the rate matter, because it then decides how quickly they are forgotten.
#
# The two rates are powers of two for a reason. With $\eta = 0.1$ the computer rounds, and a sum
# that should be exactly 0 may come out just below it: the step then says $-1$ instead of $+1$.

# %% exercise="rate"
answer = "as many"
