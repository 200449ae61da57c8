"""Images and tokens, as the stages read them."""
