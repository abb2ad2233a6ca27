"""Archives that are read where they lie: zip and tar files of class folders, and WebDataset shards.

Nothing is unpacked to disk, and no path of an archive is ever used as one of the file system.
"""
