"""Commands of the pipeline that need torch or read images."""
