"""Callbacks: they know modules by small protocols only, and import nothing of this project."""
