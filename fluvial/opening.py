"""Opening: the log and the store that the settings name."""

import time

import structlog

from consumers.embedded import EmbeddedLog
from consumers.log import Log, LogUnavailable
from fluvial.secrets import load_key
from fluvial.settings import Settings
from fluvial.store import Store

logger = structlog.get_logger()


def open_log(settings: Settings, patience: float = 10.0) -> Log:
    """Open the log that the settings name; ``patience`` in seconds. Raises LogUnavailable."""
    if settings.bootstrap is None:
        settings.log_path.parent.mkdir(parents=True, exist_ok=True)
        return EmbeddedLog(settings.log_path, patience=patience)
    from consumers.kafka import KafkaLog  # noqa: PLC0415 - the embedded mode starts without kafka-python

    return KafkaLog(settings.bootstrap, options=settings.kafka_options, patience=patience)


def open_log_patiently(settings: Settings, wait: float) -> Log:
    """Open the log, waiting up to ``wait`` seconds until it answers. Raises LogUnavailable."""
    deadline = time.monotonic() + wait
    while True:
        try:
            _probe(settings)
            return open_log(settings)
        except LogUnavailable as error:
            left = deadline - time.monotonic()
            if left <= 0:
                raise
            logger.warning("waiting for the log", seconds_left=round(left), why=str(error))
            time.sleep(min(1.0, left))


def _probe(settings: Settings) -> None:
    """Ask the log for something, with little patience: opening alone may not speak to a broker."""
    log = open_log(settings, patience=2.0)
    try:
        log.describe(["fluvial"])
    finally:
        log.close()


def open_store(settings: Settings) -> Store:
    """Open the store that the settings name. Raises StoreError."""
    url = settings.store_url.render_as_string(hide_password=False)
    return Store(url, key=lambda: load_key(settings.key_path))
