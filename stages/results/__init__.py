"""What crosses stage borders, and how it is shown."""
