"""One process of a stage that runs on several devices: ``worker.py SCRIPT ARGUMENT ...``

Importing torch takes seconds in which the launcher may die: the rank is bound to it before the stage imports anything.
"""

import runpy
import sys

from pipeline.process import end_with_parent

if __name__ == "__main__":
    end_with_parent()
    del sys.argv[0]
    runpy.run_path(sys.argv[0], run_name="__main__")
