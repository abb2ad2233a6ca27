"""Cards of exports for readers that have torch."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from nunbit.bundle import Bundle
from nunbit.export.parity import Parity


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Write JSON that a person can read."""
    text = json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    path.write_text(text, encoding="utf-8")


def torch_card(bundle: Bundle) -> str:
    """The model card of the bundle, with how the program is used and what its file holds."""
    height, width, channels = bundle.preprocess.shape
    return f"""{bundle.card.rstrip()}

## This folder

`model.pt2` is a program of torch: canvases, uint8 [N, {height}, {width}, {channels}], to \
`probabilities` and `logits`, float32 [N, {len(bundle.classes)}]; normalising, network and \
temperature are inside. `nunbit.json` says how a file becomes a canvas, and names the classes.

```python
import torch

network = torch.export.load("model.pt2").module()
probabilities, logits = network(canvases)
```

**The file holds a pickle**: torch writes the example images of the export as one. They are \
random, but whoever opens a .pt2 runs what its pickle says: open it only where you trust its \
origin. The ONNX export (`nunbit export RUN --to onnx`) holds none.

After it was written, the file was read back, and gave the same bits as nunbit's network for \
batches of 1, 2 and 7.
"""


def hub_section(results: Sequence[Parity], *, levels: float, remarks: Sequence[str]) -> str:
    """Ways to load the folder in timm and transformers, and how far their pixels are off."""
    rows = "\n".join(_row(result) for result in results)
    left_out = "\n".join(f"- {remark}" for remark in remarks)
    return f"""## Loading it elsewhere

```python
import timm
from transformers import AutoModelForImageClassification

network = timm.create_model("local-dir:FOLDER", pretrained=True)
network = AutoModelForImageClassification.from_pretrained("FOLDER")
```

Both give the network's plain logits. On the run's images, with nunbit's pixels and with those \
that timm makes of the same files, against nunbit's network without temperature and mirror images:

| way | files | pixels equal | answers equal | greatest difference of a probability | mean |
| --- | --- | --- | --- | --- | --- |
{rows}

timm's pixels differ from nunbit's by {levels:.2f} grey levels of 255 on average. Its format \
cannot say:

{left_out}
"""


def _row(result: Parity) -> str:
    answered = result.files - result.unusable
    return (
        f"| {result.engine} | {answered:,} | {result.canvases_equal:,} | {result.labels_equal:,} | "
        f"{result.greatest_difference:.2g} | {result.mean_difference:.2g} |"
    )
