"""Losses, as pure functions and small modules."""
