"""JSON files of labelling tools and of data sets, as tables of paths and labels."""
