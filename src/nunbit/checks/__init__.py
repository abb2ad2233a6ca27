"""The data's checks: what would spoil a training, from files, pixels and features.

`registry` lists the checks, `run` carries them out, `measurements` is what they judge by.
"""
