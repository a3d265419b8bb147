"""Explain: what pydantic says about a pipeline file, in lines for the person who wrote it."""

import difflib
from collections.abc import Collection, Mapping, Sequence
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
    said: dict[str, dict[str, None]] = {}  # by place, because each branch of a union complains by itself
    for problem in error.errors(include_url=False):
        path = [str(part) for part in _written(problem["loc"], raw)]
        if problem["type"] == "missing":
            path.append(str(problem["loc"][-1]))
        said.setdefault(".".join(path), {})[_sentence(problem, path, root)] = None
    return [line for where, sentences in said.items() for line in _lines(where, list(sentences))]


def _lines(where: str, sentences: list[str]) -> list[str]:
    if len(sentences) == 1:
        lines = sentences[0].splitlines()
    else:
        lines = ["must be " + " or ".join(sentence.removeprefix("must be ") for sentence in sentences)]
    return [f"{where}: {line}" for line in lines] if where else lines


def _written(loc: Sequence[int | str], raw: object) -> list[int | str]:
    """The part of a location that the file has: pydantic also names the branches of a union there."""
    path: list[int | str] = []
    for part in loc:
        if isinstance(raw, list):
            raw = dict(enumerate(raw))
        if isinstance(raw, Mapping) and part in raw:
            raw = raw[part]
            path.append(part)
    return path


def _sentence(problem: Any, path: Sequence[str], root: type[BaseModel]) -> str:
    match problem["type"]:
        case "extra_forbidden":
            return f"there is no such key{nearest(path[-1], _keys(root, path[:-1]))}"
        case "missing":
            return "this key is missing"
        case "model_type" | "dict_type":
            return "this key holds keys of its own"
        case "string_type":
            return _QUOTES.get(type(problem["input"]), "must be a text: put it in quotes")
    return str(problem["msg"]).removeprefix("Value error, ").replace("Input should be", "must be", 1)


def _keys(model: type[BaseModel], path: Sequence[str]) -> Collection[str]:
    """The valid keys at ``path``, found by walking the models; in a mapping of names a step is a name."""
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
