"""Typed shapes and settings of networks and samplers. Imports the standard library only."""
