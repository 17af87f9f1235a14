"""
Integrations with other packages and services: one module each, behind an extra of its name.

This module imports none of them, so that each needs only its own packages.
"""
