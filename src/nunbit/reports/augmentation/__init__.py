"""The augmentation studio: what random changes do to the user's own images, on one page."""

from nunbit.reports.augmentation.gallery import Pictures
from nunbit.reports.augmentation.page import build_gallery
from nunbit.reports.augmentation.showcase import showcase

__all__ = ["Pictures", "build_gallery", "showcase"]
