"""The measurements: each module has one ``measure``, run in a fresh process by the worker."""
