"""How each network is trained: one LightningModule a stage."""
