"""Which calls a service offers, and how it spells them."""

from ._wire.dialects import (
    ARK,
    DIALECTS,
    GATEWAY,
    GEMINI,
    INWORLD,
    LITELLM,
    MINIMAX,
    NEWAPI,
    OFOX,
    OPENAI,
    OPENROUTER,
    SGLANG,
    TASKS,
    UNIFIED,
    VLLM,
    XAI,
    Dialect,
    FieldSpelling,
)

__all__ = [
    "ARK",
    "DIALECTS",
    "GATEWAY",
    "GEMINI",
    "INWORLD",
    "LITELLM",
    "MINIMAX",
    "NEWAPI",
    "OFOX",
    "OPENAI",
    "OPENROUTER",
    "SGLANG",
    "TASKS",
    "UNIFIED",
    "VLLM",
    "XAI",
    "Dialect",
    "FieldSpelling",
]

# A pickle and the reference name the module that people import from.
FieldSpelling.__module__ = __name__
