"""Classifiers of images by their tokens."""
