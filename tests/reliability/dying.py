"""A stage that is killed at its n-th call of the file system: ``dying.py N SCRIPT ARGUMENT ...``

Killed before the call; after it is before the next one.
"""

import os
import runpy
import signal
import sys
from collections.abc import Callable
from typing import Any

CALLS = (
    "chmod", "fdatasync", "fsync", "ftruncate", "link", "mkdir", "posix_fallocate", "rename", "replace", "rmdir",
    "truncate", "unlink",
)  # fmt: skip


def main() -> None:
    left = int(sys.argv[1])

    def dying(call: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*arguments: Any, **options: Any) -> Any:
            nonlocal left
            left -= 1
            if not left:
                os.kill(os.getpid(), signal.SIGKILL)
            return call(*arguments, **options)

        return counted

    for name in CALLS:
        setattr(os, name, dying(getattr(os, name)))
    del sys.argv[:2]
    runpy.run_path(sys.argv[0], run_name="__main__")


if __name__ == "__main__":
    main()
