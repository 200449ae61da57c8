"""``python -m smalti``: the command ``smalti``."""

import sys

from smalti.commands import main

if __name__ == "__main__":
    sys.exit(main())
