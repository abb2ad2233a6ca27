"""What a network makes of images at the ends of its stages: found, cut out, computed once, kept."""
