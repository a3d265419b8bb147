"""Calling: an Alertmanager configuration that tells a console of alerts, written beside its token."""

import json
from pathlib import Path

from fluvial.settings import Settings

_CONFIGURATION = """\
# Tells the console of this home of every alert but the informing ones: start Alertmanager with it, as
#   alertmanager --config.file={file}
# or copy the receiver into a configuration of your own. The token opens nothing but the webhook.
route:
  receiver: nobody
  routes:
    - matchers: ['severity!="info"']
      receiver: console
      group_by: ['...']
      group_wait: 1s
      group_interval: 5s

receivers:
  - name: nobody
  - name: console
    webhook_configs:
      - url: {url}
        http_config:
          authorization:
            credentials_file: {token}
"""


def write_alertmanager(here: Settings, url: str) -> Path:
    """Write ``alertmanager.yml`` into the home for the webhook at ``url``; the file. Raises OSError.

    Addresses and paths are written as JSON texts, which YAML takes whatever is in them.
    """
    file = (here.home / "alertmanager.yml").resolve()
    token = here.webhook_token_path.resolve()
    text = _CONFIGURATION.format(file=file, url=json.dumps(url), token=json.dumps(str(token)))
    file.write_text(text, encoding="utf-8")
    return file
