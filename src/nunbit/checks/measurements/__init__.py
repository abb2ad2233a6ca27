"""What the checks judge by: properties of files, and what one pass over the pixels gathers."""
