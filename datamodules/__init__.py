"""Reading images and tokens for the stages."""
