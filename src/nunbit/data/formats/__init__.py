"""File formats of pictures, beyond what Pillow makes of them: headers, wide samples, extras."""
