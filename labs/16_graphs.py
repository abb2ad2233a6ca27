# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
#   nunbit:
#     minutes: 66
#     quick_seconds: 15
# ---

# %% [markdown]
# # 16 · Graphs
#
# Molecules, road maps and circles of friends are not grids of pixels: they are things, and lines
# between them. Here is what takes the place of convolution there, first by hand. Then we turn
# images into such graphs, and see what a network on graphs can still recognise.

# %%
import warnings

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F

import nunbit
from nunbit_labs import Published, open_lab, style

try:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PyTorch Geometric uses what torch will give up one day
        from torch_geometric.data import Batch, Data
        from torch_geometric.nn import GCNConv, global_mean_pool
    from skimage.segmentation import slic
except ImportError as error:
    raise nunbit.NunbitError(
        f"this lab needs PyTorch Geometric and scikit-image: {error}",
        remedy='python -m pip install "nunbit[graph]"',
    ) from error

lab = open_lab("16_graphs")

# %% [markdown]
# ## Two tables
#
# A graph of $N$ nodes is two tables. The adjacency matrix $A$, $N \times N$, says which nodes are
# neighbours: 1 where they are, 0 elsewhere. The feature matrix $X$, $N \times F$, says what is
# known of each node. Here is a small one: five nodes, two features.

# %%
EDGES = [(0, 1), (1, 2), (2, 0), (2, 3), (3, 4)]
A = np.zeros((5, 5))
for a, b in EDGES:
    A[a, b] = A[b, a] = 1
X = np.array([[1.0, 0], [0, 1], [2, 0], [0, 3], [1, 1]])
PLACES = np.array([[0, 1], [0, 0], [0.9, 0.5], [1.9, 0.5], [2.8, 0.5]])  # for drawing only


# %% tags=["hide-input"]
def draw_graph(axes, adjacency, places, values=None, size=90, **options):
    """Nodes at their places (x, y), coloured by `values`, and lines between neighbours."""
    for a, b in np.argwhere(np.triu(adjacency)):
        axes.plot(*places[[a, b]].T, color=style.SOFT, linewidth=0.8, zorder=1)
    colours = style.BLUE if values is None else values
    axes.scatter(*places.T, c=colours, s=size, zorder=2, edgecolors=style.INK, **options)
    axes.set(xticks=[], yticks=[], aspect="equal")
    axes.grid(False)


figure, (left, middle, right) = lab.subplots(1, 3, size=(9, 2.7))
draw_graph(left, A, PLACES, size=320)
for number, place in enumerate(PLACES):
    left.annotate(str(number), place, ha="center", va="center", color=style.PAPER)
left.set(title="the graph", xlim=(-0.4, 3.2), ylim=(-0.6, 1.6))
for axes, matrix, title in ((middle, A, "adjacency A"), (right, X, "features X")):
    axes.imshow(matrix, cmap="Blues", vmin=0, vmax=5)
    for (row, column), value in np.ndenumerate(matrix):
        axes.annotate(f"{value:.0f}", (column, row), ha="center", va="center", color="#111")
    axes.set(title=title, xticks=range(matrix.shape[1]), yticks=range(5))
    axes.grid(False)
lab.show(
    figure,
    description="A graph of five nodes, a triangle 0, 1, 2 with a tail 3, 4; its adjacency matrix "
    "with five pairs of ones; and its feature matrix of five rows and two columns.",
)

# %% [markdown]
# > **Predict first.** What does the product $A X$ hold in the row of node 4? And in that of node 2?
#
# <details><summary>Answer</summary>
#
# Each row of $A$ picks the neighbours: the product holds the sum of their features. Node 4 has one
# neighbour, so its row is that of node 3. Node 2 has three, and gets the sum of all three. Its own
# features are not in it.
#
# </details>

# %%
print(A @ X)

# %% [markdown]
# ## A graph convolution
#
# A convolution gives each pixel a weighted sum of its neighbourhood (lab 07). The same on a graph
# (Kipf and Welling, 2017), with two repairs. A node should keep itself in sight, so each becomes
# its own neighbour: $A + I$. And nodes with many neighbours should not drown the others, so each
# entry is divided by the square roots of both nodes' degrees, $d_i$ counted with the node itself:
#
# $$\hat A_{ij} = \frac{(A + I)_{ij}}{\sqrt{d_i d_j}} \qquad X' = \hat A X W + b$$
#
# The weights $W$ are the same at all nodes, as a kernel's are at all places. First with loops, as
# it is meant.


# %%
def normalised(adjacency):
    """D^-1/2 (A + I) D^-1/2, [N, N]."""
    joined = adjacency + np.eye(len(adjacency))
    degrees = joined.sum(axis=1)
    return joined / np.sqrt(np.outer(degrees, degrees))


def convolve_by_loops(adjacency, features, weights, bias):
    """[N, N], [N, F] -> [N, U]: each node collects from itself and its neighbours."""
    degrees = adjacency.sum(axis=1) + 1
    found = np.zeros((len(features), weights.shape[1])) + bias
    for node in range(len(features)):
        for other in range(len(features)):
            if other == node or adjacency[node, other]:
                share = 1 / np.sqrt(degrees[node] * degrees[other])
                found[node] += share * (features[other] @ weights)
    return found


random = np.random.default_rng(0)
W, b = random.normal(size=(2, 3)), random.normal(size=3)
by_loops = convolve_by_loops(A, X, W, b)
by_matrices = normalised(A) @ X @ W + b
assert np.allclose(by_loops, by_matrices, atol=1e-12)

# %% [markdown]
# PyTorch Geometric wants no matrix $A$, but a list of the edges, each in both directions: for
# graphs with many nodes and few lines that is far less. Its layer must give the same.

# %%
edge_list = torch.tensor(np.argwhere(A).T)  # [2, edges]: from, to
layer = GCNConv(2, 3).double()
with torch.no_grad():
    layer.lin.weight.copy_(torch.tensor(W.T))
    layer.bias.copy_(torch.tensor(b))
    by_geometric = layer(torch.tensor(X), edge_list).numpy()

difference = np.abs(by_geometric - by_loops).max()
assert difference < 1e-12
print(f"A has {A.size} numbers, the list {edge_list.numel()}; largest difference {difference:.0e}")

# %% [markdown]
# ## How far does a node see?
#
# > **Predict first.** Node 4 has the only light. After how many convolutions has node 0 got
# > something of it? And what will the nodes look like after very many?
#
# <details><summary>Answer</summary>
#
# One convolution is one step along a line: node 0 is three steps away, so it takes three. That is
# the receptive field of a graph network. After very many, all nodes show the same, up to a factor
# that comes from their degrees: whatever told them apart has been averaged away. That is called
# over-smoothing, and is why such networks are seldom deep.
#
# </details>

# %%
light = np.array([0.0, 0, 0, 0, 1])
degrees = A.sum(axis=1) + 1
rows = []
for steps in (0, 1, 2, 3, 10, 100):
    spread = np.linalg.matrix_power(normalised(A), steps) @ light
    even = spread / np.sqrt(degrees)  # the same everywhere, once nothing tells nodes apart
    rows.append({"convolutions": steps} | {f"node {n}": f"{v:.3f}" for n, v in enumerate(spread)})
    rows[-1]["smallest / largest, by degree"] = f"{even.min() / even.max():.3f}"
pd.DataFrame(rows)

# %% [markdown]
# ## One vector for a graph
#
# To classify a whole graph, its nodes must become one vector, however many they are: the readout.
# The catalogue's `gcn` has two convolutions with 64 units and ReLU, takes the mean over the nodes,
# and puts a linear layer on it. Here it is beside the same network of PyTorch Geometric's parts.
#
# > **Predict first.** The nodes of a graph have no order; but in the tables some node must be the
# > first. We number the nodes differently. What happens to $A$, to $X$, to the output of `gcn`, and
# > to that of a network that sees $X$ as one long vector?
#
# <details><summary>Answer</summary>
#
# Rows and columns of $A$ and rows of $X$ change places. A convolution treats all nodes alike, so
# its rows change places in the same way, and a mean does not care about order: the output is the
# same. A network with a weight for each entry of $X$ says something else for the same graph.
#
# </details>

# %%
network = nunbit.create_model("gcn", classes=10, width=2, generator_seed=0).double()
first, second = GCNConv(2, 64).double(), GCNConv(64, 64).double()
for ours, theirs in ((network.first, first), (network.second, second)):
    theirs.lin.weight.data = ours.weights.weight.data
    theirs.bias.data = ours.bias.data


def with_geometric(graphs):
    """Logits of graphs [features, edge list]: all of them together are one graph in parts."""
    packed = Batch.from_data_list([Data(x=x, edge_index=edges) for x, edges in graphs])
    states = first(packed.x, packed.edge_index).relu()
    states = second(states, packed.edge_index).relu()
    return network.head(global_mean_pool(states, packed.batch))


order = np.array([3, 0, 4, 2, 1])
A2, X2 = A[order][:, order], X[order]
flat = torch.tensor(random.normal(size=(X.size, 10)))  # a weight for each entry of X
with torch.no_grad():
    one = network(torch.tensor(A)[None], torch.tensor(X)[None])
    renumbered = network(torch.tensor(A2)[None], torch.tensor(X2)[None])
    geometric = with_geometric([(torch.tensor(X), edge_list)])
    flat_gap = (torch.tensor(X).ravel() - torch.tensor(X2).ravel()) @ flat
assert torch.allclose(one, geometric, atol=1e-10)
assert torch.allclose(one, renumbered, atol=1e-10)
print(f"gcn against PyTorch Geometric: largest difference {(one - geometric).abs().max():.0e}")
print(f"gcn, nodes numbered anew:      largest difference {(one - renumbered).abs().max():.0e}")
print(f"X as one vector, anew:         largest difference {flat_gap.abs().max():.2f}")

# %% [markdown]
# ## Images as graphs
#
# A superpixel is a patch of neighbouring pixels of like brightness. We cut each image of
# Fashion-MNIST into about 75 of them with SLIC (Achanta and others, 2012). Each patch is a node,
# patches that touch are neighbours, and three features say how bright the patch is and where its
# middle lies.


# %%
def superpixels(image):
    """Numbers of the patches, [28, 28], for an image uint8 [28, 28]."""
    return slic(image / 255, n_segments=75, compactness=0.1, channel_axis=None, start_label=0)


def graph_of(image):
    """Adjacency [N, N] and features [N, 3]: brightness, row and column, each about -1 ... 1."""
    patches = superpixels(image)
    count = patches.max() + 1
    adjacency = np.zeros((count, count), dtype=np.uint8)
    for one, other in ((patches[1:], patches[:-1]), (patches[:, 1:], patches[:, :-1])):
        adjacency[one, other] = adjacency[other, one] = 1
    np.fill_diagonal(adjacency, 0)
    rows, columns = np.indices(image.shape)
    sizes = np.bincount(patches.ravel())
    sums = [np.bincount(patches.ravel(), values.ravel()) for values in (image, rows, columns)]
    features = np.stack(sums, axis=1) / sizes[:, None] / [127.5, 13.5, 13.5] - 1
    return adjacency, features.astype(np.float32)


data = lab.data("fashion-mnist", quick_images=400)
lab.needs(data)  # without them, the rest is left out
print(data.why)
samples = nunbit.load_data(data.source).samples
images, labels = samples.images.array[..., 0], torch.tensor(samples.labels)
is_training = np.array([part == "train" for part in samples.parts])

# %% tags=["hide-input"]
shown = [np.flatnonzero((samples.labels == label) & ~is_training)[0] for label in (0, 5, 8)]
figure, grid = lab.subplots(3, 3, size=(7.2, 7))
for row, index in zip(grid, shown, strict=True):
    patches = superpixels(images[index])
    adjacency, features = graph_of(images[index])
    row[0].imshow(images[index], cmap="gray")
    row[1].imshow(features[patches, 0], cmap="gray")
    draw_graph(row[2], adjacency, features[:, [2, 1]], features[:, 0], size=26, cmap="gray")
    row[2].invert_yaxis()
    for axes in row[:2]:
        axes.set(xticks=[], yticks=[])
        axes.grid(False)
for axes, title in zip(grid[0], ("784 pixels", "superpixels", "graph"), strict=True):
    axes.set_title(title)
lab.show(
    figure,
    description="Three test images, a T-shirt, a sandal and a bag, as pixels, as patches of even "
    "brightness, and as graphs whose nodes lie in the middle of the patches.",
    caption="A node lies in the middle of its patch and is as bright as it.",
)


# %% tags=["hide-input"]
def draw_light(figure, steps):
    axes = figure.subplots()
    spread = np.linalg.matrix_power(normalised(adjacency.astype(float)), steps)[start]
    draw_graph(
        axes, adjacency, features[:, [2, 1]], spread / spread.max(), size=60, cmap="Blues", vmin=0
    )
    axes.invert_yaxis()
    axes.set_title(f"{steps} convolutions: light on {np.mean(spread > 0):.0%} of nodes", fontsize=9)


start = int(np.argmin(np.square(features[:, 1:]).sum(axis=1)))
lab.animate(
    draw_light,
    range(11),
    size=(4.4, 4.2),
    seconds=0.7,
    description="The graph of the bag: a light at the node in the middle spreads to its neighbours "
    "with each convolution, and grows even.",
    caption="The darkest node has the most light. gcn makes two such steps.",
)

# %% [markdown]
# ## What can it recognise?
#
# Now `gcn` learns to tell the ten classes apart. Graphs of different sizes are filled up with empty
# nodes to one size, and a mask says which nodes there are.
#
# > **Predict first.** We train it three times more: without the brightness, without the places, and
# > without the lines, so that each node stays alone until the readout. Which of the three will hurt
# > most, and which least?
#
# <details><summary>Answer</summary>
#
# Losing the lines hurts least, if at all: patches touch because they lie side by side, so the
# places have told it already. Without lines, the network is a small one that looks at each patch
# alone, and takes the mean of what it found. It may even do better, since a graph convolution with
# fixed shares blurs each patch with its neighbours. Brightness and places are both needed; the
# table says which more. Without places, all that is left of where things are is who touches whom,
# and that is much the same grid in every image. Without brightness, only the shapes of the patches
# still tell something, by how they shift middles and lines. Graph networks are for what has no
# grid. (A quick run has learned too little to show all of this.)
#
# </details>

# %%
graphs = [graph_of(image) for image in lab.progress.track(images, total=len(images), title="SLIC")]
most = max(len(features) for _, features in graphs)
adjacencies = torch.zeros(len(graphs), most, most, dtype=torch.uint8)
features = torch.zeros(len(graphs), most, 3)
present = torch.zeros(len(graphs), most, dtype=torch.bool)
for row, (adjacency, of_nodes) in enumerate(graphs):
    count = len(of_nodes)
    adjacencies[row, :count, :count] = torch.from_numpy(adjacency)
    features[row, :count] = torch.from_numpy(of_nodes)
    present[row, :count] = True
training, testing = (torch.from_numpy(np.flatnonzero(part)) for part in (is_training, ~is_training))
edges = int(adjacencies.sum(dtype=torch.int64)) // 2
print(f"{len(graphs):,} graphs; on average {present.sum() / len(graphs):.1f} nodes")
print(f"and {edges / len(graphs):.1f} lines between them")


# %%
def train_gcn(seed, without, training_images, epochs):
    """Test accuracy of `gcn`, without some of what it could know."""
    network = nunbit.create_model("gcn", classes=10, generator_seed=seed)
    random = torch.Generator().manual_seed(seed)
    known = torch.ones(3)
    known[{"brightness": [0], "places": [1, 2]}.get(without, [])] = 0

    def logits(rows):
        lines = adjacencies[rows].float() * (without != "lines")
        return network(lines, features[rows] * known, present[rows])

    chosen = training[torch.randperm(len(training), generator=random)[:training_images]]
    steps = epochs * -(-len(chosen) // 100)
    optimiser = torch.optim.Adam(network.parameters(), lr=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, max_lr=1e-2, total_steps=steps)
    for _ in range(epochs):
        for batch in torch.randperm(len(chosen), generator=random).split(100):
            loss = F.cross_entropy(logits(chosen[batch]), labels[chosen[batch]])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
    with torch.no_grad():
        right = [logits(rows).argmax(dim=1) == labels[rows] for rows in testing.split(500)]
    return torch.cat(right).float().mean().item()


few = lab.pick(10_000, quick=400)
found = {
    without: lab.repeat(
        f"without-{without}",
        train_gcn,
        seeds=lab.seeds(3, quick=1),
        without=without,
        training_images=few,
        epochs=lab.pick(20, quick=12),
    )
    for without in ("nothing", "brightness", "places", "lines")
}
for without, results in found.items():
    given = "all inputs" if without == "nothing" else f"all but {without}"
    lab.record(
        f"Fashion-MNIST as superpixels, {few:,} images, gcn on {given}",
        list(results),
        images=len(testing),
        seconds=results.seconds,
    )
pd.DataFrame(
    [
        {
            "without": without,
            "seeds": len(results),
            "test accuracy": f"{np.mean(results):.3f}",
            "range": f"{min(results):.3f} to {max(results):.3f}",
        }
        for without, results in found.items()
    ]
)

# %% [markdown]
# Then with all training images, beside a published result on such graphs. That one has another
# kind of layer: graph attention learns how much each neighbour counts, where ours divides by
# degrees. How much that is worth, this table cannot
# say: the two networks differ in more than that.

# %% tags=["hide-input"]
whole = lab.repeat(
    "all-images",
    train_gcn,
    seeds=lab.seeds(3, quick=1),
    without="nothing",
    training_images=lab.pick(60_000, quick=400),
    epochs=lab.pick(30, quick=5),
)
lab.compare(
    "Fashion-MNIST as 75 superpixels, gcn",
    list(whole),
    Published(0.8307, "Avelar and others 2020, arXiv 2002.05544: graph attention", unit="%"),
    goal="higher",
    images=len(testing),
    seconds=whole.seconds,
    remark="the published network has attention; ours has 5,066 weights and fixed shares. What "
    "each difference costs was not measured",
)

# %% [markdown]
# ## Exercises
#
# `nunbit lab 16 --solution` shows worked solutions.
#
# **1. A ring.** Give the adjacency matrix of four nodes in a ring: 0, 1, 2, 3 and back to 0.

# %% exercise="ring"
ring = None  # four rows of four numbers


# %% tags=["hide-input"]
def is_ring(matrix):
    matrix = np.asarray(matrix)
    assert matrix.shape == (4, 4), f"its shape is {matrix.shape}"
    assert np.array_equal(matrix, matrix.T), "if a is a neighbour of b, b is one of a"
    assert not matrix.diagonal().any(), "a node is no neighbour of its own, before A + I"
    wanted = np.roll(np.eye(4), 1, axis=1)
    assert np.array_equal(matrix, wanted + wanted.T), "0-1, 1-2, 2-3 and 3-0 are neighbours"


lab.check("ring", ring, is_ring)

# %% [markdown]
# **2. Layers.** Twelve nodes stand in a row, each a neighbour of the next. How many graph
# convolutions does it take until the last node depends on the features of the first? And in a ring
# of twelve, until every node depends on every other? Give both numbers.

# %% exercise="layers"
layers = None  # two numbers: row, ring


# %% tags=["hide-input"]
def are_layers(answer):
    row = np.eye(12, k=1) + np.eye(12, k=-1)
    ring = row.copy()
    ring[0, 11] = ring[11, 0] = 1
    truth = []
    for matrix in (row, ring):
        steps = 1
        while not np.linalg.matrix_power(matrix + np.eye(12), steps).all():
            steps += 1
        truth.append(steps)
    for given, wanted, name in zip(answer, truth, ("row", "ring"), strict=True):
        assert given == wanted, f"count the steps along the {name} between the farthest nodes"


lab.check("layers", layers, are_layers)

# %% [markdown]
# **3. Another readout.** One triangle and two separate triangles, all nodes with the same features:
# the mean over the nodes is the same for both. Write a readout that tells them apart, and still
# does not care how the nodes are numbered.

# %% exercise="readout"
readout = None  # a function: states [N, U] -> one vector


# %% tags=["hide-input"]
def is_readout(read):
    states = np.random.default_rng(0).normal(size=(5, 4))
    one, other = np.asarray(read(states)), np.asarray(read(states[::-1]))
    assert one.ndim == 1, f"one vector is wanted, not an array of shape {one.shape}"
    assert np.allclose(one, other), "it changes when the nodes are numbered anew"
    triangle = np.tile([1.0, -2, 3, 0.5], (3, 1))
    two = np.tile(triangle, (2, 1))
    assert np.shape(read(triangle)) == np.shape(read(two)), "both need vectors of one length"
    assert not np.allclose(read(triangle), read(two)), "it is the same for both"


lab.check("readout", readout, is_readout)
