"""The augmentation studio: what random changes do to the user's own images, on one page."""

from nunbit.studio.gallery import Pictures
from nunbit.studio.page import build_gallery
from nunbit.studio.showcase import showcase

__all__ = ["Pictures", "build_gallery", "showcase"]
