"""Numbers of bytes in words."""

import math

UNITS = ("kB", "MB", "GB", "TB", "PB")


def byte_size(number: float) -> str:
    """Returns a number of bytes with the unit in which it is easy to read.

    >>> byte_size(12), byte_size(4_096), byte_size(5.2e9)
    ('12 bytes', '4.10 kB', '5.20 GB')
    """
    if number < 1000:
        return f"{number:.0f} bytes"
    power = min(int(math.log10(number)) // 3, len(UNITS))
    number, unit = number / 1000**power, UNITS[power - 1]
    return f"{number:.3g} {unit}" if number >= 100 else f"{number:.2f} {unit}"
