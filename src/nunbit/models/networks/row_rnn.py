"""Recurrent networks that read an image row by row.

B images in a batch, C channels, H height, W width, K classes.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from torch import Tensor, nn

from nunbit.models.info import Dropout, ModelInfo, Shape
from nunbit.models.networks.blocks import dropout_probabilities

UNITS = 128


class RowReader(nn.Module):
    """One row after the other goes into a recurrent layer; its last state is classified."""

    def __init__(self, reader: nn.RNNBase, classes: int, dropout: float) -> None:
        super().__init__()
        self.reader = reader
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(reader.hidden_size, classes)

    def forward(self, images: Tensor) -> Tensor:
        """[B, C, H, W] -> logits [B, K]."""
        rows = images.permute(0, 2, 1, 3).flatten(start_dim=2)  # [B, H, C W]
        states, _ = self.reader(rows)  # [B, H, units]
        logits: Tensor = self.head(self.dropout(states[:, -1]))
        return logits


def row_reader(
    shape: Shape, classes: int, dropout: Dropout = None, *, cell: Callable[..., nn.RNNBase]
) -> nn.Module:
    """A recurrent layer of 128 units and a linear one: [B, C, H, W] -> logits [B, K].

    With `nn.RNN` the gradient of the first rows vanishes on its way back through all later ones;
    the gates of `nn.LSTM` (Hochreiter and Schmidhuber 1997) let it pass once they have learned to
    stay open. At the start torch's are half open.
    """
    (dropped,) = dropout_probabilities(dropout, (0.0,))
    reader = cell(input_size=shape.channels * shape.width, hidden_size=UNITS, batch_first=True)
    return RowReader(reader, classes, dropped)


MODELS = (
    ModelInfo(
        name="row-lstm",
        build=partial(row_reader, cell=nn.LSTM),
        input=Shape(1, 28, 28),
        min_size=1,
        dropouts=1,
        parameters=82_186,
        multiply_adds=2_237_696,
        source="Hochreiter and Schmidhuber 1997, on the rows of an image",
    ),
    ModelInfo(
        name="row-rnn",
        build=partial(row_reader, cell=nn.RNN),
        input=Shape(1, 28, 28),
        min_size=1,
        dropouts=1,
        parameters=21_514,
        multiply_adds=560_384,
        source="Elman 1990, on the rows of an image: what row-lstm improves on",
    ),
)
