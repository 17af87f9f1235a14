"""Which calls a service offers, and how it spells them."""

from ._wire.dialects import DIALECTS, OPENAI, OPENROUTER, UNIFIED, Dialect

__all__ = ["DIALECTS", "OPENAI", "OPENROUTER", "UNIFIED", "Dialect"]
