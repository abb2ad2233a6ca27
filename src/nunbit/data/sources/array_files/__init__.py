"""Images that are kept in arrays: `.npz`, IDX and CIFAR files, and arrays given in Python."""
