"""The integer type in which tokens are stored."""


def token_type(num_codes: int) -> str:
    """Returns the narrowest unsigned type that holds all codes.

    >>> token_type(65_536), token_type(65_537)
    ('uint16', 'uint32')
    """
    return "uint16" if num_codes <= 2**16 else "uint32"
