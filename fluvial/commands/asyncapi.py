"""asyncapi: print the description of the topics."""

import typer

from fluvial.asyncapi import document
from fluvial.commands.common import AsJson, print_json, say
from fluvial.config import as_yaml


def add_to(app: typer.Typer) -> None:
    """Hang the verb of this file into the command line."""
    app.command("asyncapi")(asyncapi)


def asyncapi(json: AsJson = False) -> None:
    """Print the AsyncAPI 3 document of the topics, as docs/asyncapi.yaml holds it."""
    if json:
        print_json(document())
    else:
        say(as_yaml(document()), nl=False)
