"""A stage whose n-th call of the file system on a folder goes wrong: ``dying.py FAULT N FOLDER COUNT SCRIPT ARGUMENT
...``

FAULT is SIGKILL, before the call (after it is before the next one), or an error's name such as ESTALE, by which NFS
tells that a file was replaced on the server. COUNT is a file that grows by a byte with each call.
"""

import builtins
import errno
import io
import os
import runpy
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

CHANGES = (
    "chmod", "fdatasync", "fsync", "ftruncate", "link", "mkdir", "posix_fallocate", "rename", "replace", "rmdir",
    "truncate", "unlink",
)  # fmt: skip
LOOKS = ("listdir", "open", "scandir", "stat")


def main() -> None:
    fault, number, folder = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]).absolute()
    calls = os.open(sys.argv[4], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    counted = 0

    def inside(subject: Any) -> bool:
        """Returns whether a call is about the folder: by a path, or by an open file's number."""
        if isinstance(subject, int):
            return fault == "SIGKILL" or Path(f"/proc/self/fd/{subject}").resolve().is_relative_to(folder)
        return isinstance(subject, str | os.PathLike) and Path(subject).absolute().is_relative_to(folder)

    def faulty(call: Callable[..., Any]) -> Callable[..., Any]:
        def failing(*arguments: Any, **options: Any) -> Any:
            nonlocal counted
            if any(inside(subject) for subject in arguments[:2]):
                os.write(calls, b".")
                counted += 1
                if counted == number:
                    if fault == "SIGKILL":
                        os.kill(os.getpid(), signal.SIGKILL)
                    code = getattr(errno, fault)
                    raise OSError(code, os.strerror(code), *[a for a in arguments[:1] if not isinstance(a, int)])
            return call(*arguments, **options)

        return failing

    for name in (*CHANGES, *(LOOKS if fault != "SIGKILL" else ())):
        setattr(os, name, faulty(getattr(os, name)))
    if fault != "SIGKILL":
        builtins.open = io.open = faulty(io.open)
    del sys.argv[:5]
    runpy.run_path(sys.argv[0], run_name="__main__")


if __name__ == "__main__":
    main()
