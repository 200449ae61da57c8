"""Judging images, anybody's: what they are, what a network sees in them, and figures with the protocol they go by."""
