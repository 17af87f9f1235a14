"""What several test files share."""

from pathlib import Path

from hypothesis import strategies as st

KEY = "sk-0123456789abcdef"
"""The key that the fake service asks for."""

ROOT = Path(__file__).parents[2]
RESPONSES = ROOT / "tests" / "responses"
"""Bodies that real servers have sent, with the reading expected of each."""

TLS = ROOT / "tests" / "tls"

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
