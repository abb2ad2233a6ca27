"""Explanations of a network: filters, feature maps, attribution maps, similar images."""
