"""Classify pictures with an exported model: python classify.py EXPORT picture.jpg ...

Needs only: python -m pip install onnxruntime pillow numpy
"""

import json
import sys
from pathlib import Path

import numpy as np
import onnxruntime
from PIL import Image, ImageOps


def upright_rgb(path, contract):
    """The picture as an array [h, w, 3], turned as its camera says, alpha over the background."""
    image = Image.open(path)
    reduced = contract.get("decoding", "reduced") == "reduced"
    if reduced and image.format == "JPEG":  # decode at 1/2, 1/4 or 1/8, as nunbit does
        enough = [-(-3 * contract[s] // contract["crop_share"]) for s in ("width", "height")]
        turned = image.getexif().get(0x0112, 1) in (5, 6, 7, 8)
        image.draft(None, tuple(int(n) for n in (enough[::-1] if turned else enough)))
    image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I"):  # grey of 16 bits over its full range
        image = Image.fromarray(((np.asarray(image, np.int64) + 128) // 257).astype(np.uint8))
    if image.has_transparency_data:
        grey = image.mode in ("1", "L", "LA")
        layer = image.convert("RGBA")
        ground = Image.new("RGBA", layer.size, (contract["background"],) * 3 + (255,))
        image = Image.alpha_composite(ground, layer).convert("L" if grey else "RGB")
    return np.asarray(image.convert("RGB"))


def main(folder, paths):
    contract = json.loads((Path(folder) / "nunbit.json").read_text(encoding="utf-8"))
    preprocess = onnxruntime.InferenceSession(str(Path(folder) / "preprocess.onnx"))
    network = onnxruntime.InferenceSession(str(Path(folder) / "model.onnx"))
    for path in paths:
        picture = upright_rgb(path, contract["preprocess"])
        (canvas,) = preprocess.run(["canvas"], {"picture": picture})
        (rows,) = network.run(["probabilities"], {"image": canvas[None]})
        best = int(rows[0].argmax())
        print(f"{path}\t{contract['classes'][best]}\t{rows[0][best]:.6f}")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
