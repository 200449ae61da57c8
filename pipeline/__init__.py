"""How stages are chained. Never imports torch, lightning or numpy."""
