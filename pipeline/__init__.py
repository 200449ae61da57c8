"""How stages are chained. Never imports torch, lightning or numpy."""

import sys
from pathlib import Path

# A user's own folder called configs or callbacks, in the working directory or on PYTHONPATH, must not shadow ours.
_PROJECT = str(Path(__file__).resolve().parent.parent)
if sys.path[:1] != [_PROJECT]:
    sys.path.insert(0, _PROJECT)
