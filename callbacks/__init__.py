"""Callbacks. They know modules by small protocols alone and import nothing else of this project."""
