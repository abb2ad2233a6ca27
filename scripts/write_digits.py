"""Write scikit-learn's digits as a folder of class folders of PNG files: the demo's own photos."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from nunbit.data.materialise import write_class_folders
from nunbit.data.sources import load_samples
from nunbit.progress import SILENT


def main(out: Path) -> None:
    """Write all 1,797 pictures into `out`, which must not exist."""
    samples = load_samples("digits")
    write_class_folders(samples, {"": np.arange(len(samples))}, out, SILENT)
    print(f"{len(samples):,} pictures of digits written")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
