"""What is learned from finished tasks, and the forecast for running ones."""
