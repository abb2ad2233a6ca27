"""A network accounted for layer by layer: shapes, parameters, multiply-adds, what each layer sees.

arithmetic      (one folder up) output sizes and parameter counts with their formulae
fields          what part of the image a value sees
rules           how torch's operations move that part
multiply_adds   what they cost
trace           one pass without values, watched
measure         the gradient's answer where no rule has one
explain         the formulae of a layer, with the numbers put in
layers          the rows
table           the sums, and `summarise`
"""

from __future__ import annotations

from nunbit.models.summary.layers import Layer
from nunbit.models.summary.table import Summary, summarise, summarise_name

__all__ = ["Layer", "Summary", "summarise", "summarise_name"]
