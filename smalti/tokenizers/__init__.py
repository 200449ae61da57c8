"""Networks between images and tokens."""
