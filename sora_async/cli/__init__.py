"""The command ``sora-async``."""
