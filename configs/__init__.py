"""Typed schema of every recipe. Imports the standard library only."""
