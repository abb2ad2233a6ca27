"""Write the GeoTIFF beside this file with rasterio: red, green, blue and near infrared.

pip install rasterio==1.4.4
python tests/data/formats/written/write_geotiff.py
"""

from __future__ import annotations

from pathlib import Path


def write() -> None:
    import numpy as np
    import rasterio
    from rasterio.transform import from_origin

    rows, columns = np.mgrid[0:12, 0:16]
    bands = np.stack([rows * 20, columns * 15, 255 - rows * 20, (rows + columns) % 7 * 30])
    with rasterio.open(
        Path(__file__).parent / "four_bands.tif",
        "w",
        driver="GTiff",
        width=16,
        height=12,
        count=4,
        dtype="uint8",
        crs="EPSG:32633",
        transform=from_origin(500000, 5000000, 10, 10),
    ) as file:
        file.write(bands.astype("uint8"))


if __name__ == "__main__":
    write()
