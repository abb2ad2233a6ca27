"""Tables of labels as people have them: their content, their columns, their labels and files."""
