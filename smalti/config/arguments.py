"""What words of a command line stand for."""

import argparse


def positive(text: str) -> int:
    """Returns a whole number of at least 1; argparse names the option if it isn't one."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} given, expected a whole number of at least 1")
    return int(text)
