"""Exported models in use, without torch: NumPy, Pillow and onnxruntime."""
