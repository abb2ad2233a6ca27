"""What a network looks at: filters, feature maps, attribution maps, and what resembles an image."""
