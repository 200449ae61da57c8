"""An error in one line, as the commands print it."""


def error_line(error: BaseException) -> str:
    """Returns what an error says, in one line: of one of the operating system its file and its reason.

    >>> error_line(FileNotFoundError(2, "No such file or directory", "runs/x"))
    'runs/x: No such file or directory'
    >>> error_line(OSError(28, "No space left on device"))
    'No space left on device'
    """
    text = str(error)
    if isinstance(error, OSError) and error.strerror:
        files = [str(name) for name in (error.filename, error.filename2) if name is not None]
        text = ": ".join([*files[:1], error.strerror])
    return " ".join(text.split())
