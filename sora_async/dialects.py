"""Which calls a service offers, and how it spells them."""

from ._wire.dialects import (
    ARK,
    DIALECTS,
    GATEWAY,
    GEMINI,
    INWORLD,
    LITELLM,
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

for _class in (FieldSpelling,):
    # What a pickle and the docs say is where it can be imported from.
    _class.__module__ = __name__
