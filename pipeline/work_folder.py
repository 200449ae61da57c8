"""The private folder in which a stage works until it publishes."""

import fcntl
import os
import shutil
import socket
import stat
from pathlib import Path
from typing import IO

LOGS = ("lock", "tensorboard", "csv", "wandb")  # what stays in a work folder


def lock(work: Path, stage: str) -> IO[str]:
    """Returns the open lock of a work folder, held until the end of the process.

    Raises:
        ValueError: another process holds it, or it can't be written.
    """
    try:
        work.mkdir(parents=True, exist_ok=True)
        file = (work / "lock").open("a+")
    except OSError as error:
        raise no_access(work, "written", error) from error
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        file.seek(0)
        raise ValueError(
            f"{work}: process {file.read().strip() or '?'} is working on stage {stage}; wait for it or end it"
        ) from error
    except OSError as error:
        raise ValueError(
            f"{work}: cannot be locked ({error.strerror}); mount this file system with flock, or name a folder of "
            "another one with --runs"
        ) from error
    os.register_at_fork(after_in_child=file.close)  # a killed stage's loader processes don't keep the lock
    file.truncate(0)
    file.write(f"{os.getpid()} on {socket.gethostname()}")
    file.flush()
    return file


def no_access(folder: Path, how: str, error: OSError) -> ValueError:
    """Returns the error of a folder of ``runs`` that can't be ``how``: "read", "written"."""
    remedy = "mend it"
    if isinstance(error, PermissionError):
        remedy = "have its owner give it to a group that you share (chmod -R g+w, umask 002)"
    return ValueError(f"{folder}: cannot be {how} ({error.strerror}); {remedy}, or name another folder with --runs")


def take_back(work: Path, published: Path) -> None:
    """Undoes what a killed publication left in a work folder: files that it made read-only, and links to what is
    ``published``, which are cleared as the publication would have done."""
    public = {_inode(path) for path in published.rglob("*")}
    files = {path: _inode(path) for path in work.rglob("*") if path.is_file()}
    if public & set(files.values()):
        clear(work)
        return
    for path in files:
        if not path.stat().st_mode & stat.S_IWUSR:
            _make_writable(path)


def _make_writable(path: Path) -> None:
    """Lets its owner write a file again, and its group where the folder is the group's; somebody else's file is
    replaced by a copy."""
    try:
        path.chmod(path.stat().st_mode | stat.S_IWUSR | (path.parent.stat().st_mode & stat.S_IWGRP))
    except PermissionError:
        copy = path.with_name(f"{path.name}.copy")
        shutil.copyfile(path, copy)
        copy.rename(path)


def _inode(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_dev, found.st_ino


def begun(work: Path) -> bool:
    """Returns whether a work folder holds more than logs."""
    return work.is_dir() and any(item.name not in LOGS for item in work.iterdir())


def clear(work: Path) -> None:
    """Leaves the logs alone in a work folder."""
    for item in work.iterdir():
        if item.name not in LOGS:
            shutil.rmtree(item) if item.is_dir() else item.unlink()
