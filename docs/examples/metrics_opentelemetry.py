import asyncio
import sys
from collections.abc import Callable, Iterator

from opentelemetry.metrics import CallbackOptions, Meter, Observation
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from sora_async import SoraClient


def observe(meter: Meter, client: SoraClient) -> None:
    """Export a client's statistics; they are read when the metrics are collected."""

    def reader(name: str) -> Callable[[CallbackOptions], Iterator[Observation]]:
        def read(options: CallbackOptions) -> Iterator[Observation]:
            value = getattr(client.stats, name)
            if value is not None:
                yield Observation(value)

        return read

    for name in ("waits", "outages", "downloads", "rate"):
        meter.create_observable_gauge(f"sora_async.{name}", [reader(name)])
    for name in ("polls", "rate_limited"):
        meter.create_observable_counter(f"sora_async.{name}", [reader(name)])


async def main(task_id: str) -> None:
    metrics = InMemoryMetricReader()  # in a service: PeriodicExportingMetricReader(exporter)
    provider = MeterProvider([metrics])
    async with SoraClient() as client:
        observe(provider.get_meter("sora_async"), client)
        await client.wait_until_complete(task_id)

        for resource in metrics.get_metrics_data().resource_metrics:
            for metric in resource.scope_metrics[0].metrics:
                print(metric.name, *(point.value for point in metric.data.data_points))
    provider.shutdown()


asyncio.run(main(sys.argv[1]))
