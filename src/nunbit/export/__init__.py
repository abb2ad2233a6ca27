"""Models that leave nunbit: folders that other runtimes read, each proven equal on raw files."""
