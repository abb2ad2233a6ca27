"""Write the exports beside this file with Label Studio's own converter.

    pip install label-studio-sdk==2.1.2
    python tests/data/sources/exported/write_label_studio.py

A classifying task (choices), one where several choices were made, and one of drawn boxes.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

FORMATS = {"JSON": "json", "JSON_MIN": "json", "CSV": "csv", "COCO": "json"}
CHOICES = """<View><Image name="image" value="$image"/><Choices name="choice" toName="image">
<Choice value="cat"/><Choice value="dog"/></Choices></View>"""
BOXES = """<View><Image name="image" value="$image"/><RectangleLabels name="label" toName="image">
<Label value="cat"/><Label value="dog"/></RectangleLabels></View>"""


def choice(*names: str) -> list[dict[str, Any]]:
    value = {"choices": list(names)}
    return [{"value": value, "from_name": "choice", "to_name": "image", "type": "choices"}]


def boxes(*names: str) -> list[dict[str, Any]]:
    region = {"x": 1, "y": 2, "width": 30, "height": 40, "rotation": 0}
    return [
        {
            "original_width": 8,
            "original_height": 8,
            "value": {**region, "rectanglelabels": [name]},
            "from_name": "label",
            "to_name": "image",
            "type": "rectanglelabels",
        }
        for name in names
    ]


def task(number: int, result: list[dict[str, Any]]) -> dict[str, Any]:
    """A task whose image was uploaded, which puts eight digits before its name."""
    image = f"/data/upload/1/{number:08x}-{number}.png"
    annotation = {"id": number, "completed_by": 1, "was_cancelled": False, "result": result}
    return {"id": number, "data": {"image": image}, "annotations": [annotation]}


def write(name: str, config: str, results: Sequence[list[dict[str, Any]]]) -> None:
    from label_studio_sdk.converter import Converter

    here = Path(__file__).parent / "label_studio"
    with tempfile.TemporaryDirectory() as folder:
        tasks = Path(folder) / "tasks.json"
        tasks.write_text(json.dumps([task(n, r) for n, r in enumerate(results, start=1)]))
        for form, ending in FORMATS.items():
            if form == "COCO" and config is CHOICES:  # which it leaves empty
                continue
            out = Path(folder) / form
            Converter(config, folder).convert(str(tasks), str(out), form, is_dir=False)
            written = (out / f"result.{ending}").read_text()
            (here / f"{name}-{form.lower()}.{ending}").write_text(written)


if __name__ == "__main__":
    write("choices", CHOICES, [choice("cat" if n % 2 else "dog") for n in range(1, 5)])
    write("several", CHOICES, [choice("cat", "dog"), choice("cat"), choice("dog")])
    write("boxes", BOXES, [boxes("cat", "cat"), boxes("dog")])
    write("mixed", BOXES, [boxes("cat", "dog"), boxes("dog")])
