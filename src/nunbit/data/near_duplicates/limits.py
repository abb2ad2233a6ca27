"""The thresholds of the search for copies, in one table, with what was measured of each.

Each was halved and doubled, alone, on planted copies (re-encoded, resized, cropped, brightened):
80 among the 1,797 digits, 160 among 4,000 images of Fashion-MNIST, 40 among 106 pieces of two
photographs. As they are, all are found, and 4, 6 and 0 pairs more that nobody planted. What moved:

| threshold | halved | doubled |
| --- | --- | --- |
| `MAX_QUOTIENT` | 0, 1 and 0 pairs more | 121, 84 and 0 pairs more |
| `SCALE_PLACE` | 1, 4 and 0 pairs more; hides copies of films | 42, 18 and 0 pairs more |
| `NEIGHBOURS` | (6) 15, 10 and 0 pairs more | 2, 6 and 0 pairs more, more work |
| `MAX_UNEXPLAINED` | 4, 2 and 0 pairs more; 92 % of photographs' copies | as before |
| `COLOUR_NOISE` | 98 % of photographs' copies | as before |
| `MAX_DESCRIBED` | 3, 5 and 0 pairs more | as before, more work |
| `MIN_SCALE` | 4, 5 and 0 pairs more | 5, 7 and 0 pairs more |

All others changed nothing on these data; they hold what the tests ask of films, groups of copies,
blank pages and few images.
"""

from __future__ import annotations

# Which pairs are looked at.
MIN_SIDE = 4
"""Pixels; smaller thumbnails cannot be laid over each other."""
MIN_CONTRAST = 3.0
"""Standard deviation in grey levels below which a picture shows nothing to compare."""
NEIGHBOURS = 10
"""Neighbours that are known of each image."""
PARTNERS = 5
"""An image is laid over so many of them; of a larger group, each finds some."""
MAX_DESCRIBED = 0.4
"""Largest quotient of descriptions for which pictures are laid over each other."""

# What is usual around a pair, which its distances are divided by.
SCALE_PLACE = 4
"""Rank, from 0, of the neighbour that is the measure: so many further copies may lie between."""
IMAGES_FOR_A_PLACE = 200
"""Number of images: among fewer the fifth is already of another kind, and an earlier one is the
measure."""
MIN_SCALE = 0.25
"""Fraction of the data's median scale, else the copies in a large group would hide each other."""
MIN_DISTANCE = 0.006
"""Distance of descriptions: no scale is smaller, else data of many copies each, such as films, hide
them."""
MIN_LEFT = 0.015
"""Limit of what is left unexplained, likewise."""
USUAL_SCALE = 0.1
"""The scale where there are too few images to measure one."""

# Which pairs are copies.
MAX_QUOTIENT = 0.22
"""Largest geometric mean of the two quotients. Chosen on copies planted among digits: 97 of 100 lie
below it, and two or three pairs of the 1,797 digits themselves. The 371 pairs that it finds in
Fashion-MNIST were looked at in part, down to the least similar: one product each time."""
MAX_UNEXPLAINED = 0.05
"""Largest fraction of variance that a copy leaves unexplained, however far the others are."""
COLOUR_NOISE = 6.0
"""Levels by which colours of copies may differ in every cell."""
MAX_COLOUR_FRACTION = 0.25
"""Largest fraction of the squared colour differences that copies may leave over."""
