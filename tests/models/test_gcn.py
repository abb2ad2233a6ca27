"""The graph network against sums over neighbours, written out."""

from __future__ import annotations

import torch
from torch import Tensor

from nunbit.models import create_model, model_info
from nunbit.models.networks.gcn import GraphConvolution, mean_readout, normalised_adjacency
from tests.models.inputs import random_inputs

PATH = torch.tensor([[0.0, 1, 0], [1, 0, 1], [0, 1, 0]])  # 0 - 1 - 2


def graphs() -> tuple[Tensor, Tensor]:
    info = model_info("gcn")
    adjacency, features = random_inputs(info, info.input)
    return adjacency, features


def test_normalised_adjacency_of_a_path() -> None:
    end, middle = 2.0, 3.0  # degrees, counting the node itself
    across = (end * middle) ** -0.5
    expected = [[1 / end, across, 0], [across, 1 / middle, across], [0, across, 1 / end]]
    torch.testing.assert_close(normalised_adjacency(PATH[None])[0], torch.tensor(expected))


def test_a_convolution_is_a_weighted_sum_over_neighbours() -> None:
    adjacency, features = graphs()
    layer = GraphConvolution(3, 4)
    torch.nn.init.normal_(layer.bias)
    result = layer(normalised_adjacency(adjacency), features)
    degrees = adjacency.sum(dim=2) + 1
    graph, node = 1, 7
    total = layer.bias.clone()
    for other in range(adjacency.shape[1]):
        if other == node or adjacency[graph, node, other]:
            share = (degrees[graph, node] * degrees[graph, other]) ** -0.5
            total = total + share * (layer.weights.weight @ features[graph, other])
    torch.testing.assert_close(result[graph, node], total)


def test_the_order_of_the_nodes_is_no_matter() -> None:
    adjacency, features = graphs()
    model = create_model("gcn", classes=5, generator_seed=0)
    order = torch.randperm(75, generator=torch.Generator().manual_seed(1))
    shuffled = model(adjacency[:, order][:, :, order], features[:, order])
    torch.testing.assert_close(shuffled, model(adjacency, features))


def test_filling_up_a_smaller_graph_changes_nothing() -> None:
    adjacency, features = graphs()
    model = create_model("gcn", classes=5, generator_seed=0)
    filled = torch.zeros(4, 80, 80)
    filled[:, :75, :75] = adjacency
    more = torch.nn.functional.pad(features, (0, 0, 0, 5))
    nodes = (torch.arange(80) < 75).expand(4, -1)
    torch.testing.assert_close(model(filled, more, nodes), model(adjacency, features))


def test_mean_readout() -> None:
    states = torch.tensor([[[1.0, 2], [3, 4], [100, 100]]])
    assert mean_readout(states[:, :2]).tolist() == [[2, 3]]
    nodes = torch.tensor([[True, True, False]])
    assert mean_readout(states, nodes).tolist() == [[2, 3]]
