"""Commands that need torch or read images, each a script."""
