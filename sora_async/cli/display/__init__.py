"""Progress on a terminal, in a notebook, in a pipe, and as JSON lines."""
