"""
What the package does beside others' programs: one module for each, behind an extra of its name.

Nothing is imported here, so that each needs its own packages only.
"""
