#!/usr/bin/env bash
# torch.fx.symbolic_trace, while it runs, also catches what other threads do with the same network.
#
# Expected: tracing a network in one thread leaves a second thread, which only calls the network,
#           alone; at worst the two wait for each other.
# Seen:     the second thread's plain call of a layer returns a torch.fx.Proxy instead of a tensor,
#           and the traced graph gains nodes that the network never computes.
# Version:  torch 2.14.1, Python 3.11, CPU.
# Why:      the tracer patches nn.Module.__call__ and __getattr__ of the class, for all threads.
# nunbit:   backbone/graph.py follows networks with a tracer that passes other threads' calls on
#           (tests/test_classifier_threads.py), because a server classifies while it optimises.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --disable-pip-version-check "torch==2.14.1" "numpy==2.4.6"

cat > "$work/case.py" <<'PY'
import threading

import torch
from torch import nn


class Network(nn.Module):
    def __init__(self, entered, leave):
        super().__init__()
        self.layer = nn.Linear(2, 2)
        self.entered, self.leave = entered, leave

    def forward(self, x):
        self.entered.set()
        self.leave.wait(30)
        return self.layer(x)


entered, leave = threading.Event(), threading.Event()
network = Network(entered, leave).eval()
graphs = []
tracing = threading.Thread(target=lambda: graphs.append(torch.fx.symbolic_trace(network).graph))
tracing.start()
entered.wait(30)
kind = type(network.layer(torch.ones(1, 2))).__name__  # this thread traces nothing
leave.set()
tracing.join()
calls = sum(node.op == "call_module" for node in graphs[0].nodes)
print(f"torch {torch.__version__}: the other thread got a {kind}; the graph calls {calls} layers of 1")
assert kind == "Proxy" and calls == 2, "this has changed: see the head of this script"
PY
"$work/venv/bin/python" "$work/case.py"
