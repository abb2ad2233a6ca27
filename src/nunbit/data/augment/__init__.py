"""Random changes of training images: whole batches in one call, each image on its own.

An operation takes uint8 [B, C, H, W] on any device and a generator of that device, and returns the
same shape and type; its random numbers are independent between the images of the batch. Only
training batches ever pass through here.
"""

from nunbit.data.augment.mixing import CutMix, Mixing, MixUp
from nunbit.data.augment.operation import Operation
from nunbit.data.augment.parsing import load_augmentation
from nunbit.data.augment.presets import PRESETS, Augmentation, choose_preset
from nunbit.data.augment.registry import COMBINATIONS, MIXINGS, OPERATIONS

__all__ = [
    "COMBINATIONS",
    "MIXINGS",
    "OPERATIONS",
    "PRESETS",
    "Augmentation",
    "CutMix",
    "MixUp",
    "Mixing",
    "Operation",
    "choose_preset",
    "load_augmentation",
]
