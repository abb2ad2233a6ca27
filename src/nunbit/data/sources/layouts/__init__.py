"""Where classes and parts stand in a folder of images, judged by names and by what repeats."""
