"""The sections of the check's page, one file each."""
