"""Measurements beside peers; none of it ships."""
