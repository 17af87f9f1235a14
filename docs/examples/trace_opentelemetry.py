import asyncio
import sys

from opentelemetry import trace
from opentelemetry.instrumentation.aiohttp_client import create_trace_config
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import ConsoleSpanExporter, SimpleSpanProcessor

from sora_async import SoraClient


async def main(task_id: str) -> None:
    with trace.get_tracer("videos").start_as_current_span("wait for a video"):
        async with SoraClient(trace_configs=[create_trace_config()]) as client:
            await client.wait_until_complete(task_id)


exporter = ConsoleSpanExporter(
    formatter=lambda span: f"{span.name}: {dict(span.attributes or {})}\n"
)
provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(exporter))
trace.set_tracer_provider(provider)
asyncio.run(main(sys.argv[1]))
