"""`python -m nunbit` is `nunbit`."""

from __future__ import annotations

import sys

from nunbit.cli import main

if __name__ == "__main__":
    sys.exit(main())
