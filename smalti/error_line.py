"""An error in one line, as the commands print it."""


def error_line(error: BaseException) -> str:
    """Returns what an error says, in one line: of one of the operating system its file and its reason.

    >>> error_line(FileNotFoundError(2, "No such file or directory", "runs/x"))
    'runs/x: No such file or directory'
    >>> error_line(OSError(28, "No space left on device"))
    'No space left on device'

    Of an error in a loader's process, whose text is a traceback, it is the last line:

    >>> error_line(ValueError("Caught ValueError in DataLoader worker process 0.\\n  ...\\nValueError: a.png: gone"))
    'a.png: gone'
    """
    if is_no_memory(error):
        return f"out of memory ({' '.join(str(error).split())[:200] or 'no more of it'}); take a smaller batch"
    text = str(error)
    if text.startswith("Caught ") and " in DataLoader worker process " in text:
        text = text.strip().splitlines()[-1].partition(": ")[2]
    if isinstance(error, OSError) and error.strerror:
        files = [str(name) for name in (error.filename, error.filename2) if name is not None]
        text = ": ".join([*files[:1], error.strerror])
    return " ".join(text.split())


def is_no_memory(error: BaseException) -> bool:
    """Returns whether an error says that there is no memory left, on a device or here; torch's are RuntimeErrors.

    >>> is_no_memory(RuntimeError("[enforce fail at alloc_cpu.cpp:121] DefaultCPUAllocator: can't allocate memory"))
    True
    """
    allocating = "can't allocate memory" in str(error) or "not enough memory" in str(error)
    return isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError" or allocating
