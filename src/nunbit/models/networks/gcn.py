"""A graph convolutional network that classifies whole graphs.

B graphs in a batch, N nodes of the largest, F features of a node, U units, K classes.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from nunbit.models.info import Dropout, ModelInfo, Shape
from nunbit.models.networks.blocks import dropout_probabilities

UNITS = 64


def normalised_adjacency(adjacency: Tensor) -> Tensor:
    """D^-1/2 (A + I) D^-1/2: [B, N, N] -> [B, N, N], with D the row sums of A + I.

    Each node becomes its own neighbour. Entries are 0 and 1, or weights of 0 and more.
    """
    joined = adjacency + torch.eye(adjacency.shape[-1], device=adjacency.device)
    scale = joined.sum(dim=-1).rsqrt()
    return scale.unsqueeze(-1) * joined * scale.unsqueeze(-2)


class GraphConvolution(nn.Module):
    """Each node's new features from its own and its neighbours': A' X W + b.

    Kipf and Welling 2017 (arXiv 1609.02907), equation 2.
    """

    def __init__(self, features_in: int, features_out: int) -> None:
        super().__init__()
        self.weights = nn.Linear(features_in, features_out, bias=False)
        self.bias = nn.Parameter(torch.zeros(features_out))

    def forward(self, normalised: Tensor, features: Tensor) -> Tensor:
        """Normalised adjacency [B, N, N] and features [B, N, Fin] -> [B, N, Fout]."""
        mixed: Tensor = normalised @ self.weights(features) + self.bias
        return mixed


class GraphNetwork(nn.Module):
    """Two graph convolutions, the mean over the nodes, a linear layer."""

    def __init__(self, features: int, classes: int, dropout: float) -> None:
        super().__init__()
        self.first = GraphConvolution(features, UNITS)
        self.second = GraphConvolution(UNITS, UNITS)
        self.relu = nn.ReLU()
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(UNITS, classes)

    def forward(self, adjacency: Tensor, features: Tensor, nodes: Tensor | None = None) -> Tensor:
        """Adjacency [B, N, N] and features [B, N, F] -> logits [B, K].

        Graphs of different sizes are filled up with zeros to a common N; `nodes`, bool [B, N], then
        says which nodes there are. Without it, all are.
        """
        normalised = normalised_adjacency(adjacency)
        states = self.relu(self.first(normalised, features))
        states = self.relu(self.second(normalised, states))  # [B, N, U]
        logits: Tensor = self.head(self.dropout(mean_readout(states, nodes)))
        return logits


def mean_readout(states: Tensor, nodes: Tensor | None = None) -> Tensor:
    """One vector for each graph, the mean over its nodes: [B, N, U] -> [B, U]."""
    if nodes is None:
        return states.mean(dim=1)
    present = nodes.unsqueeze(-1).to(states.dtype)
    return (states * present).sum(dim=1) / present.sum(dim=1)


def gcn(shape: Shape, classes: int, dropout: Dropout = None) -> nn.Module:
    """Graphs whose nodes have `shape.width` features: adjacency and features -> logits [B, K]."""
    (dropped,) = dropout_probabilities(dropout, (0.0,))
    return GraphNetwork(shape.width, classes, dropped)


MODELS = (
    ModelInfo(
        name="gcn",
        build=gcn,
        input=Shape(1, 75, 3),
        takes="graphs",
        channels=(1,),
        dropouts=1,
        parameters=5_066,
        multiply_adds=1_042_240,
        source="Kipf and Welling 2017, mean readout; takes graphs, such as 75 superpixels of an "
        "image with grey value and place",
    ),
)
