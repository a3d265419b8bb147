"""Earlier: a definition that once worked on a pipeline, made to run again where that is possible."""

from fluvial.config import Pipeline, checked
from fluvial.errors import ConfigError
from fluvial.fingerprint import definition, libraries
from fluvial.journal import Definition, Journal


class NotHere(Exception):
    """The definition cannot run here; the sentence says why."""


def definition_named(journal: Journal, name: str) -> Definition | None:
    """What the store knows of a definition."""
    return next((one for one in journal.definitions() if one.name == name), None)


def pipeline_of(journal: Journal, name: str) -> Pipeline:
    """The pipeline file of a definition, to be run with the libraries of this process. Raises NotHere."""
    found = definition_named(journal, name)
    if found is None:
        raise NotHere(f"the store knows nothing of the definition {name!r}")
    ours = libraries()
    for library in sorted(ours.keys() | found.libraries.keys()):
        theirs = found.libraries.get(library)
        if theirs != ours.get(library):
            raise NotHere(f"it ran with {library} {theirs}, and here is {ours.get(library)}")
    try:
        pipeline = checked(found.config, name="its pipeline file")
    except ConfigError as error:
        raise NotHere(f"its pipeline file is not understood here: {error}") from None
    if definition(pipeline) != name:
        raise NotHere("its pipeline file means something else to this version")
    return pipeline
