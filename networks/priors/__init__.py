"""Priors over the tokens of a frozen tokenizer."""
