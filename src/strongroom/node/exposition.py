"""The rooms' numbers in Prometheus' text format."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from strongroom.node.control import Report
from strongroom.node.metrics import HELP

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"


def exposition(reports: Sequence[Report]) -> bytes:
    """All numbers of all rooms, labelled by room."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Reports(reports))
    return generate_latest(registry)


class _Reports(Collector):
    def __init__(self, reports: Sequence[Report]) -> None:
        self._reports = reports

    def describe(self) -> Iterable[Metric]:
        return ()

    def collect(self) -> Iterator[Metric]:
        for name, (text, labels) in HELP.items():
            yield from _counters(name, text, labels, self._reports)
            yield from _gauges(name, text, labels, self._reports)
            yield from _histograms(name, text, labels, self._reports)


def _counters(
    name: str, text: str, labels: tuple[str, ...], reports: Sequence[Report]
) -> Iterator[Metric]:
    family = CounterMetricFamily(name, text, labels=("room", *labels))
    for report in reports:
        for values, count in report.numbers.counters.get(name, {}).items():
            family.add_metric((report.name, *values), count)
    if family.samples:
        yield family


def _gauges(
    name: str, text: str, labels: tuple[str, ...], reports: Sequence[Report]
) -> Iterator[Metric]:
    family = GaugeMetricFamily(name, text, labels=("room", *labels))
    for report in reports:
        for values, value in report.numbers.gauges.get(name, {}).items():
            family.add_metric((report.name, *values), value)
    if family.samples:
        yield family


def _histograms(
    name: str, text: str, labels: tuple[str, ...], reports: Sequence[Report]
) -> Iterator[Metric]:
    family = HistogramMetricFamily(name, text, labels=("room", *labels))
    for report in reports:
        for values, state in report.numbers.histograms.get(name, {}).items():
            buckets: list[tuple[str, float]] = []
            total = 0
            for bound, count in zip((*state.bounds, float("inf")), state.counts, strict=True):
                total += count
                buckets.append(("+Inf" if bound == float("inf") else repr(bound), total))
            family.add_metric((report.name, *values), buckets, state.sum)
    if family.samples:
        yield family
