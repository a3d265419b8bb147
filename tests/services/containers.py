"""Is a Docker engine at hand?"""

from __future__ import annotations

import functools
import gc
import warnings

import docker
from docker.errors import DockerException


@functools.cache
def docker_answers() -> bool:
    """Whether a Docker engine answers a ping within three seconds; asked once per run."""
    with warnings.catch_warnings():
        # a refused connection leaves its socket to the garbage collector: let it be found here, not in a test
        warnings.simplefilter("ignore", ResourceWarning)
        answer = _ping()
        gc.collect()
    return answer


def _ping() -> bool:
    try:
        client = docker.from_env(timeout=3)
    except (DockerException, OSError):
        return False
    try:
        return bool(client.ping())
    except (DockerException, OSError):
        return False
    finally:
        client.close()
