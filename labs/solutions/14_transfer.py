# %% [markdown]
# Where the two questions pull in different directions, the answer lies in the middle.


# %% exercise="rule"
def plan_for(many, similar):
    if many and not similar:
        return "all"
    if similar and not many:
        return "head"
    return "last"


# %% [markdown]
# Few enough for a few hundred images, because logistic regression also keeps the weights small.

# %% exercise="size"
size_of_head = 1_280 * 5 + 5
