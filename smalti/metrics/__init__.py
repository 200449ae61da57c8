"""Metrics: functional cores and thin torchmetrics classes."""
