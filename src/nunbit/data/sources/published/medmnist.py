"""Names of the classes of MedMNIST's sets (https://medmnist.com), whose files hold numbers only."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from nunbit.data.sources.raw_samples import RawSamples

_ORGANS = (
    *("bladder", "femur-left", "femur-right", "heart", "kidney-left", "kidney-right", "liver"),
    *("lung-left", "lung-right", "pancreas", "spleen"),
)
CLASSES: dict[str, tuple[str, ...]] = {
    "pathmnist": (
        *("adipose", "background", "debris", "lymphocytes", "mucus", "smooth muscle"),
        *("normal colon mucosa", "cancer-associated stroma"),
        "colorectal adenocarcinoma epithelium",
    ),
    "dermamnist": (
        "actinic keratoses and intraepithelial carcinoma",
        *("basal cell carcinoma", "benign keratosis-like lesions", "dermatofibroma", "melanoma"),
        *("melanocytic nevi", "vascular lesions"),
    ),
    "octmnist": ("choroidal neovascularization", "diabetic macular edema", "drusen", "normal"),
    "pneumoniamnist": ("normal", "pneumonia"),
    "breastmnist": ("malignant", "normal, benign"),
    "bloodmnist": (
        *("basophil", "eosinophil", "erythroblast"),
        "immature granulocytes(myelocytes, metamyelocytes and promyelocytes)",
        *("lymphocyte", "monocyte", "neutrophil", "platelet"),
    ),
    "tissuemnist": (
        "Collecting Duct, Connecting Tubule",
        *("Distal Convoluted Tubule", "Glomerular endothelial cells"),
        *("Interstitial endothelial cells", "Leukocytes", "Podocytes"),
        *("Proximal Tubule Segments", "Thick Ascending Limb"),
    ),
    "organamnist": _ORGANS,
    "organcmnist": _ORGANS,
    "organsmnist": _ORGANS,
}
"""Class names by the name of the file without the size; retinamnist's classes are grades, which are
numbers."""
_FILE = re.compile(r"(?P<name>[a-z]+mnist)(?:_(?:28|64|128|224))?\.npz", re.IGNORECASE)


def with_published_names(found: RawSamples, path: Path) -> RawSamples:
    """The same rows, with the published names where the file's name is that of a set."""
    match = _FILE.fullmatch(path.name)
    names = CLASSES.get(match["name"].lower()) if match else None
    if names is None or found.names != tuple(str(number) for number in range(len(names))):
        return found
    note = f"recognised as MedMNIST's {path.stem} by its name: the classes have their names"
    return replace(found, names=names, notes=(*found.notes, note))
