"""Waits in SAQ's workers, beside a real Redis."""

import pytest

saq = pytest.importorskip("saq", reason="needs the extra saq: nox -s integrations")


def test_saq_is_there() -> None:
    assert saq.Worker
