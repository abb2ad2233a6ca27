"""About 370 pictures in five classes, made from a Debian package: a small set of photographs.

    python benchmarks/pictures.py FOLDER

`tuxpaint-stamps-default` brings cut-out photographs and drawings for children, sorted by what they
show. Each becomes a JPEG on white with a longer side of 500 pixels, as cameras write them, below
the folder of its class. Mirrored and turned-over variants of a picture are left out.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from PIL import Image

STAMPS = Path("/usr/share/tuxpaint/stamps")
CLASSES = ("animals", "food", "plants", "town", "vehicles")
LONGER_SIDE = 500
QUALITY = 90
VARIANTS = ("_mirror", "_flip")


def write_photographs(
    folder: Path, *, classes: tuple[str, ...] = CLASSES, most: int | None = None
) -> dict[str, int]:
    """Write the pictures as `folder`/class/name.jpg; returns how many each class has.

    `most` takes only so many of each class, evenly spread over its names. Raises SystemExit where
    the package is not installed.
    """
    if not STAMPS.is_dir():
        raise SystemExit(f"{STAMPS} is missing: install Debian's tuxpaint-stamps-default")
    counts = {}
    for name in classes:
        source = STAMPS / name
        files = [f for f in sorted(source.rglob("*.png")) if not f.stem.endswith(VARIANTS)]
        if most is not None:
            files = files[:: -(-len(files) // most)]
        (folder / name).mkdir(parents=True)
        for file in files:
            flat = "-".join(file.relative_to(source).with_suffix(".jpg").parts)
            on_white(Image.open(file)).save(folder / name / flat, quality=QUALITY)
        counts[name] = len(files)
    return counts


def on_white(image: Image.Image) -> Image.Image:
    """RGB without transparency, the longer side of 500 pixels."""
    image = image.convert("RGBA")
    scale = LONGER_SIDE / max(image.size)
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    image = image.resize(size, Image.Resampling.BICUBIC)
    white = Image.new("RGBA", size, "white")
    return Image.alpha_composite(white, image).convert("RGB")


def main() -> int:
    """Write the folder and say what is in it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="is made; must not exist")
    given = parser.parse_args()
    if given.folder.exists():
        raise SystemExit(f"{given.folder} exists: give a new folder")
    counts = write_photographs(given.folder)
    listed = ", ".join(f"{count} {name}" for name, count in counts.items())
    print(f"{sum(counts.values())} pictures in {given.folder}: {listed}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
