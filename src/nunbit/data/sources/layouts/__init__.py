"""Layout of a folder of images: its classes and parts, judged by names and repetition."""
