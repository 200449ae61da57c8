"""Typed schema of the stages. Imports the standard library and smalti's config types only."""
