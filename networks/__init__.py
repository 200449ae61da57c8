"""Plain networks: no trainer, no data, no stage."""
