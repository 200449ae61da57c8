"""What is done: one script a stage."""
