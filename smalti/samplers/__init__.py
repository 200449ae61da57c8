"""Sampling from priors, as pure functions of labels and sample indices."""
