"""A worker for the latency runs: ``python -m benchmarks.paced MODEL PIPELINE ADDRESS FOLDER``."""

import signal
import sys
from pathlib import Path

import structlog

from benchmarks.contenders import make
from benchmarks.stream import pipeline
from consumers.embedded import EmbeddedLog
from consumers.log import Log
from fluvial.store import Store


def main() -> None:
    """Run until SIGTERM."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(30))
    model, name, address, folder = sys.argv[1:]
    log: Log
    if Path(address).is_file():
        log = EmbeddedLog(address)
    else:
        from consumers.kafka import KafkaLog  # noqa: PLC0415

        log = KafkaLog(address)
    store = Store(f"sqlite:///{Path(folder) / 'latency.db'}")
    runner = make(pipeline(model).model_copy(update={"pipeline": name}), log, store, 1 << 60)
    signal.signal(signal.SIGTERM, lambda *_: setattr(runner, "should_exit", True))
    runner.run()


if __name__ == "__main__":
    main()
