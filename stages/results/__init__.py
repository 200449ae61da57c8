"""Results of stages: how they are predicted, measured, published, loaded and shown."""
