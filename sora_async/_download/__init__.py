"""One video to disk: the whole file or nothing."""
