"""Classify pictures: python classify.py EXPORT FILE ... (needs onnxruntime, pillow and numpy)."""

import json
import sys
from pathlib import Path

import numpy as np
import onnxruntime
from PIL import Image, ImageOps


def upright_rgb(path, contract):
    """The picture, uint8 [h, w, 3], as nunbit decodes it; ValueError for what is not read here."""
    image = Image.open(path)
    kind, tags, grey16 = image.format, getattr(image, "tag_v2", {}), image.mode.startswith("I;16")
    plain = image.mode in ("1", "L", "P", "RGB", "CMYK") and np.max(tags.get(258, 8)) <= 8
    tiff = kind == "TIFF" and (tags.get(262) == 1 if grey16 else plain)
    known = ("JPEG", "MPO", "PNG", "GIF", "BMP", "WEBP", "AVIF")
    deep = kind == "PNG" and Path(path).read_bytes()[24] == 16
    full = contract["range"] == "full"
    low, high = (0, 65535) if full else contract["range"]
    refused = {
        "this kind of file": not tiff and kind not in known,
        "16 bits in this form": deep and ("transparency" in image.info if grey16 else not full),
        "values of another scale": grey16 and high - low <= 1,
        "several frames": contract["frame"] != "first" and getattr(image, "n_frames", 1) > 1,
        "so many pixels": image.width * image.height > contract["max_pixels"],
    }
    for why in filter(refused.get, refused):
        raise ValueError(f"{why}: use nunbit predict")
    if contract["decoding"] == "reduced":  # a JPEG at 1/2, 1/4 or 1/8, as nunbit does
        size = [int(-(-3 * contract[s] // contract["crop_share"])) for s in ("width", "height")]
        image.draft(None, size[::-1] if image.getexif().get(0x0112, 1) in (5, 6, 7, 8) else size)
    image = ImageOps.exif_transpose(image)
    if grey16:  # over the range of the contract
        levels = (np.asarray(image).astype(float) - low) * 255 / (high - low)
        image = Image.fromarray(np.floor(np.clip(levels, 0, 255) + 0.5).astype(np.uint8))
    if contract["transparency"] == "ignore" and image.mode in ("RGBA", "LA"):
        image = image.convert(image.mode[:-1])
    if image.has_transparency_data:
        ground = Image.new("RGBA", image.size, (contract["background"],) * 3 + (255,))
        shown = Image.alpha_composite(ground, image.convert("RGBA"))
        image = shown.convert("L" if image.mode in ("1", "L", "LA") else "RGB")
    return np.asarray(image.convert("RGB"))


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    contract = json.loads((folder / "nunbit.json").read_text(encoding="utf-8"))
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    preprocess = onnxruntime.InferenceSession(str(folder / "preprocess.onnx"), options)
    network = onnxruntime.InferenceSession(str(folder / "model.onnx"), options)
    for path in sys.argv[2:]:
        try:
            (canvas,) = preprocess.run(None, {"picture": upright_rgb(path, contract["preprocess"])})
        except Exception as error:
            sys.exit(f"{path}: {error}")
        rows, _ = network.run(["probabilities", "logits"], {"image": canvas[None]})
        print(path, contract["classes"][rows[0].argmax()], f"{rows[0].max():.6f}", sep="\t")
