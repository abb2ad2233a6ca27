"""Checks of files and labels alone: the quick part, which every training runs."""
