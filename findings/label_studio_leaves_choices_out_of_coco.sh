#!/usr/bin/env bash
# Label Studio's converter writes a COCO file without any image for a project of choices, and ends well.
#
# Expected: images with their classes, or an error that COCO cannot hold choices.
# Seen:     a valid COCO file with the categories, no images and no annotations; for YOLO one empty
#           file of labels for each image. In CSV, an image of one choice has the plain name in its
#           cell and an image of two choices a JSON object, in the same column.
# Version:  label-studio-sdk 2.1.2 (and label-studio-converter 0.0.59), Python 3.11.
# Why:      COCO and YOLO are written from regions; a task without one is skipped with a log line.
# nunbit:   data/sources/tables/exports/coco.py names the export to take instead, and json_table.py
#           parses such cells (tests/data/sources/test_exports.py).
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --disable-pip-version-check "label-studio-sdk==2.1.2"

cat > "$work/case.py" <<'PY'
import csv
import json
import sys
from importlib.metadata import version
from pathlib import Path

from label_studio_sdk.converter import Converter

CONFIG = """<View><Image name="image" value="$image"/><Choices name="choice" toName="image">
<Choice value="cat"/><Choice value="dog"/></Choices></View>"""


def task(number, *names):
    value = {"choices": list(names)}
    result = [{"value": value, "from_name": "choice", "to_name": "image", "type": "choices"}]
    annotation = {"id": number, "completed_by": 1, "was_cancelled": False, "result": result}
    return {"id": number, "data": {"image": f"/data/upload/1/{number}.png"}, "annotations": [annotation]}


work = Path(sys.argv[1])
tasks = work / "tasks.json"
tasks.write_text(json.dumps([task(1, "cat"), task(2, "dog"), task(3, "cat", "dog")]))
for form in ("COCO", "YOLO", "CSV"):
    Converter(CONFIG, str(work)).convert(str(tasks), str(work / form), form, is_dir=False)
coco = json.loads((work / "COCO" / "result.json").read_text())
labels = [file.read_text() for file in sorted((work / "YOLO" / "labels").glob("*.txt"))]
with (work / "CSV" / "result.csv").open(newline="") as opened:
    cells = [row["choice"] for row in csv.DictReader(opened)]
categories = [category["name"] for category in coco["categories"]]
print(f"label-studio-sdk {version('label-studio-sdk')}: of 3 classified images COCO has "
      f"{len(coco['images'])}, with the categories {categories}; YOLO's labels: {labels}; CSV: {cells}")
assert coco["images"] == coco["annotations"] == [] and categories == ["cat", "dog"]
assert labels == ["", "", ""], "this has changed: see the head of this script"
assert cells == ["cat", "dog", '{"choices":["cat","dog"]}']
PY
"$work/venv/bin/python" "$work/case.py" "$work" 2>/dev/null
