"""Write the Parquet shards beside this file with Hugging Face's library.

    pip install datasets==5.2.0
    python tests/data/sources/exported/write_datasets.py

Two shards of training images and one of test images, each a picture of one grey level.
"""

from __future__ import annotations

from pathlib import Path

NAMES = ("cat", "dog", "fox")


def write() -> None:
    import numpy as np
    from datasets import ClassLabel, Dataset, Features, Image
    from PIL import Image as Pillow

    features = Features({"image": Image(), "label": ClassLabel(names=list(NAMES))})
    here = Path(__file__).parent / "datasets"
    for part, numbers in (("train", range(6)), ("test", range(6, 9))):
        pictures = [Pillow.fromarray(np.full((8, 8), 10 * n, np.uint8)) for n in numbers]
        columns = {"image": pictures, "label": [n % 3 for n in numbers]}
        whole = Dataset.from_dict(columns, features=features)
        shards = 2 if part == "train" else 1
        for shard in range(shards):
            name = f"{part}-{shard:05}-of-{shards:05}.parquet"
            whole.shard(shards, shard, contiguous=True).to_parquet(here / name)


if __name__ == "__main__":
    write()
