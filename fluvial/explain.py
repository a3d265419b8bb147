"""Explain: what pydantic says about a pipeline file, in lines for the person who wrote it."""

import difflib
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

_QUOTES = {
    bool: "YAML reads yes, no, on and off as true or false: put it in quotes",
    type(None): "a key without a value is empty in YAML: write one, or leave the key out",
}


def nearest(name: str, valid: Collection[str]) -> str:
    """The end of a sentence about a name that does not exist.

    >>> nearest("distnce", ["origin", "distance"]), nearest("zzz", ["origin", "distance"])
    (": did you mean 'distance'?", ': there are origin, distance')
    """
    close = difflib.get_close_matches(name, list(valid), 1, cutoff=0.5)
    return f": did you mean {close[0]!r}?" if close else f": there are {', '.join(valid) or 'none'}"


def explain(error: ValidationError, raw: object, root: type[BaseModel]) -> list[str]:
    """One line for each mistake in ``raw``, which ``root`` refused."""
    said: dict[str, list[str]] = {}
    for problem in error.errors(include_url=False):
        path = _written(problem["loc"], raw)
        where = ".".join(map(str, path))
        if problem["type"] == "extra_forbidden":
            said[where] = [_unknown(path, root)]
        elif problem["type"] == "missing":
            said[where] = [f"the key {'.'.join([*map(str, path), str(problem['loc'][-1])])!r} is missing"]
        else:
            lines = said.setdefault(where, [])
            lines += [line for line in _sentences(problem, where, again=bool(lines)) if line not in lines]
    return [line for lines in said.values() for line in _joined(lines)]


def _written(loc: Sequence[int | str], raw: object) -> list[int | str]:
    """The part of a location that the file has: pydantic also names the branches of a union there."""
    path: list[int | str] = []
    for part in loc:
        if isinstance(raw, Mapping) and part in raw:
            raw = raw[part]
        elif isinstance(raw, Sequence) and isinstance(part, int) and part < len(raw):
            raw = raw[part]
        else:
            continue
        path.append(part)
    return path


def _unknown(path: Sequence[int | str], root: type[BaseModel]) -> str:
    *parents, key = map(str, path)
    within = f" in {'.'.join(parents)}" if parents else ""
    return f"unknown key {key!r}{within}{nearest(key, _keys(root, parents))}"


def _sentences(problem: Any, where: str, *, again: bool) -> Iterator[str]:
    text = problem["msg"].removeprefix("Value error, ")
    if problem["type"] in ("model_type", "model_attributes_type", "dict_type"):
        text = "this key holds keys of its own"
    elif problem["type"] == "string_type":
        text = _QUOTES.get(type(problem["input"]), "this must be a text: put it in quotes")
    for line in text.splitlines():
        yield line if again or not where else f"{where}: {line}"


def _joined(lines: list[str]) -> list[str]:
    """The branches of a union as one line; a validator of ours speaks in lines of their own."""
    if len(lines) > 1 and ": " in lines[0] and not any(": " in line for line in lines[1:]):
        return [" or ".join(line.removeprefix("Input should be ") for line in lines)]
    return lines


def _keys(model: type[BaseModel], path: Sequence[str]) -> Collection[str]:
    """The valid keys at ``path``, found by walking the models; mappings skip one step."""
    steps = iter(path)
    for step in steps:
        annotation = model.model_fields[step].annotation
        if get_origin(annotation) is dict:
            next(steps, None)
        model = next(iter(_models_in(annotation)), model)
    return model.model_fields


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    if get_origin(annotation) in (dict, Union, type(int | str), tuple, Annotated):
        return [model for part in get_args(annotation) for model in _models_in(part)]
    return []
