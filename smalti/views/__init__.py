"""What the papers look at beside their figures: predictions, codes and tokens, as pictures."""
