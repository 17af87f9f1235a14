"""Bytes to values and back; the only package that knows how servers spell things."""
