"""The server's log: one line an event, for a terminal or for a collector, without anything personal in it.

Whatever the libraries and the modules say through the standard library comes out in the same form. The
context (request, branch, account) is bound by the door that a request came through and goes into each line.
Names, numbers of tickets, addresses and what people typed are in no line: accounts and codes are.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import IO, Any, Final

import structlog

from openhall.app.service_settings import LogSettings

TOKENS: Final = re.compile(r"(?i)(bearer\s+)[\w.~+/=-]+|\b(whsec_)[\w+/=-]+|(/[ta]/)[\w.-]+\.[\w-]+")
"""What a library might say in passing: sign-in tokens, secrets of webhooks, links of tickets."""
MASK: Final = r"\1\2\3***"
NOISY: Final = ("httpx", "httpcore", "asyncio", "aiosmtplib", "PIL", "matplotlib")
"""Libraries that tell each of their steps; only their warnings are of interest."""

_Event = MutableMapping[str, Any]


def mask_secrets(_logger: Any, _name: str, event: _Event) -> _Event:
    """Take out of every text what stands for a person or a right."""
    for key, value in event.items():
        if isinstance(value, str):
            event[key] = TOKENS.sub(MASK, value)
    return event


def drop_empty(_logger: Any, _name: str, event: _Event) -> _Event:
    """Leave out what does not apply: a request of nobody, or of no branch."""
    return {key: value for key, value in event.items() if value != "" or key == "event"}


def configure(settings: LogSettings, stream: IO[str] | None = None) -> None:
    """Let structlog and the standard library write to one stream, in the form that the settings say."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.StackInfoRenderer(),
    ]
    is_json = settings.format == "json"
    last: list[Any] = [
        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
        structlog.processors.format_exc_info,
        mask_secrets,
        drop_empty,
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if is_json
        else structlog.dev.ConsoleRenderer(colors=False, pad_event_to=0),
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=last))
    root = logging.getLogger()
    for old in list(root.handlers):
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(settings.level.upper())
    for name in NOISY:
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.captureWarnings(True)
