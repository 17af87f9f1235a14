"""
The search of the built pages, run as a browser runs it: what people type finds its page.

Needs Sphinx and node. ``nox -s docs`` installs the former; a machine without node skips the test.
"""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

NODE = shutil.which("node")

TERMS = {
    "429": "how-to/rate-limit",
    "too many requests": "how-to/rate-limit",
    "rate limit": "how-to/rate-limit",
    "Retry-After": "how-to/rate-limit",
    "concurrency": "how-to/rate-limit",
    "semaphore": "how-to/rate-limit",
    "throttling": "how-to/rate-limit",
    "retry": "how-to/errors",
    "exception": "how-to/errors",
    "exception hierarchy": "reference/errors",
    "backoff": "how-to/schedule",
    "jitter": "how-to/schedule",
    "polling interval": "how-to/schedule",
    "ETA": "how-to/schedule",
    "timeout": "how-to/timeouts",
    "cancel": "how-to/timeouts",
    "idempotency": "how-to/create",
    "idempotency key": "how-to/create",
    "input_reference": "how-to/create",
    "resume download": "how-to/download",
    "expired URL": "how-to/download",
    "batch": "how-to/batch",
    "journal": "how-to/batch",
    "as_completed": "how-to/wait-for-many",
    "progress bar": "how-to/progress",
    "tqdm": "how-to/progress",
    "Jupyter": "how-to/jupyter",
    "notebook": "how-to/jupyter",
    "proxy": "how-to/network",
    "certificate": "how-to/network",
    "SSL": "how-to/network",
    "FastAPI": "how-to/fastapi",
    "server-sent events": "how-to/fastapi",
    "pydantic": "how-to/fastapi",
    "Django": "how-to/django",
    "Celery": "how-to/workers-slices",
    "Temporal": "how-to/workers-heartbeats",
    "SAQ": "how-to/workers-saq",
    "worker": "how-to/workers",
    "webhook": "how-to/webhooks",
    "callback": "how-to/webhooks",
    "metrics": "how-to/metrics",
    "CertificateError": "reference/errors",
    "uvloop": "how-to/loops-and-processes",
    "threads": "how-to/loops-and-processes",
    "OpenTelemetry": "how-to/logging",
    "logging": "how-to/logging",
    "pytest": "how-to/testing",
    "mock": "how-to/testing",
    "openai": "how-to/migrate-from-openai",
    "OpenRouter": "how-to/another-server",
    "dialect": "how-to/another-server",
    "API key": "installation",
    "install": "installation",
    "404": "troubleshooting",
    "never awaited": "troubleshooting",
    "serialize": "how-to/keep-tasks",
    "exit codes": "how-to/command",
    "benchmark": "explanation/performance",
}
"""What people type, and the page that has to be among the first three found."""


@pytest.mark.skipif(NODE is None, reason="needs node")
def test_a_search_finds_the_page_among_the_first_three(pages: Path) -> None:
    script = str(Path(__file__).with_name("search.cjs"))

    result = subprocess.run(
        [str(NODE), script, str(pages)],
        input=json.dumps(list(TERMS)),
        capture_output=True,
        text=True,
        check=True,
    )

    found = dict(zip(TERMS, json.loads(result.stdout), strict=True))
    missed = {term: found[term][:3] for term, page in TERMS.items() if page not in found[term][:3]}
    assert missed == {}
