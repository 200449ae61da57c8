"""The stages, one script each: what is done. How they are chained is in ``pipeline``."""
