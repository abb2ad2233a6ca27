"""Features of images at the ends of a network's stages: found, split off, computed once, kept."""
