"""Layers that tokenizers and priors share."""
