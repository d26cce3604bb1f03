"""The sinks that there are."""

from strongroom.adapters.sinks.file import FileSink
from strongroom.adapters.sinks.syslog import SyslogSink
from strongroom.adapters.sinks.webhook import WebhookSink
from strongroom.ports.clock import Clock
from strongroom.ports.sinks import FileSettings, Sink, SinkSettings, SyslogSettings


def made(settings: SinkSettings, *, media_type: str, header: bytes, clock: Clock) -> Sink:
    """The sink that the settings describe; nothing is connected or opened yet but its secrets.

    `media_type` and `header` are of its format. Raises `ValueError` with one line for people when
    the settings, or a file that they name, cannot be used.
    """
    if isinstance(settings, SyslogSettings):
        return SyslogSink(settings)
    if isinstance(settings, FileSettings):
        return FileSink(settings, header)
    return WebhookSink(settings, media_type, clock)
