# %% [markdown]
# $4 \cdot (64 \cdot 28 + 64 \cdot 64 + 2 \cdot 64)$ in the LSTM, $64 \cdot 10 + 10$ in the linear
# layer.

# %% exercise="count"
parameters = 4 * (64 * 28 + 64 * 64 + 2 * 64) + (64 * 10 + 10)

# %% [markdown]
# The distance is the rate divided by the frame: $8000 / 1024 \approx 7.8$ Hz. Such a frame lasts
# 0.128 s, and a warble of seven swings a second makes nearly a whole swing within it: what is won
# in frequency is lost in time.

# %% exercise="frame"
numbers = 1024

# %% [markdown]
# Time runs from left to right: mirror it. A frame played backwards has the same loudness at each
# frequency, only its phases differ, and the spectrogram does not keep them.


# %% exercise="backwards"
def backwards(image):
    return image[:, ::-1]
