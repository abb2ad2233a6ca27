"""From pretrained weights to one's own classes: heads on features, and what else is trained."""
