"""One poll loop per task, shared by all waits for it."""
