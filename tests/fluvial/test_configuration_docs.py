"""docs/configuration.md and the code say the same: every key, its default, its choices, an example."""

import re
from collections.abc import Iterator
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin

import pytest
import yaml
from pydantic import BaseModel, TypeAdapter
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from fluvial.config import Pipeline, parse
from fluvial.settings import Settings
from learners.task import TASKS, task_named

PAGE = (Path(__file__).parents[2] / "docs" / "configuration.md").read_text(encoding="utf-8")


class Row(NamedTuple):
    """One line of a table of the page, its cells without their marks."""

    key: str
    cells: list[str]

    @property
    def default(self) -> str:
        return self.cells[-3].strip("`*")

    @property
    def example(self) -> str:
        return self.cells[-1].strip("`").replace("\\|", "|")


def rows(pattern: str, cells: int) -> dict[str, Row]:
    """The tables' lines whose first cell is such a key, before so many other cells."""
    lines = re.findall(rf"^\| `({pattern})` \| (.*) \|$", PAGE, re.MULTILINE)
    every = [Row(key, [cell.strip() for cell in re.split(r"(?<!\\)\|", rest)]) for key, rest in lines]
    found = [row for row in every if len(row.cells) == cells]
    assert len({row.key for row in found}) == len(found), "a key is described twice"
    return {row.key: row for row in found}


def inside(annotation: Any) -> Iterator[type[BaseModel]]:
    """The models that a type is made of."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    elif get_origin(annotation) in (dict, tuple, Union, UnionType, Annotated):
        for part in get_args(annotation):
            yield from inside(part)


def keys(model: type[BaseModel], path: str = "") -> Iterator[tuple[str, FieldInfo]]:
    """Every key a file may hold, by walking the models; NAME stands for a name of the user's."""
    for name, info in model.model_fields.items():
        yield path + name, info
        named = "NAME." if get_origin(info.annotation) is dict else ""
        for inner in inside(info.annotation):
            yield from keys(inner, f"{path}{name}.{named}")


KEYS = dict(keys(Pipeline))
ROWS = rows(r"(?!FLUVIAL_)[a-z_A-Z.]+", 4)
SETTINGS = {f"FLUVIAL_{name.upper()}": info for name, info in Settings.model_fields.items()}
VARIABLES = rows("FLUVIAL_[A-Z_]+", 3)


def test_the_walk_reaches_every_depth() -> None:
    assert {"pipeline", "fields.NAME.missing.fill", "recent.NAME.within", "success.window"} <= set(KEYS)


def test_every_key_is_described_and_nothing_else() -> None:
    assert set(ROWS) == set(KEYS)


@pytest.mark.parametrize("key", KEYS)
def test_a_default_is_what_the_page_says(key: str) -> None:
    said, info = ROWS[key].default, KEYS[key]
    default = info.get_default(call_default_factory=True)
    if isinstance(default, BaseModel):
        assert said == "see below"
    elif default is PydanticUndefined:
        assert said == "required"
    elif default is None:
        assert said == "–"
    else:
        shown = list(default) if isinstance(default, tuple) else default
        assert TypeAdapter(info.annotation).validate_python(default) == default
        assert yaml.safe_load(said) == shown or duration(info, yaml.safe_load(said)) == default


def duration(info: FieldInfo, said: object) -> object:
    return TypeAdapter(Annotated[info.annotation, info]).validate_python(said) if info.metadata else None


@pytest.mark.parametrize("key", KEYS)
def test_an_example_is_one_of_this_key_and_valid(key: str) -> None:
    [(name, value)] = yaml.safe_load(ROWS[key].example).items()
    assert name == key.rpartition(".")[2]
    TypeAdapter(Annotated[KEYS[key].annotation, KEYS[key]]).validate_python(value)


@pytest.mark.parametrize("key", KEYS)
def test_every_choice_is_named(key: str) -> None:
    for choice in choices(KEYS[key].annotation):
        assert f"`{choice}`" in ROWS[key].cells[0]


def choices(annotation: Any) -> Iterator[str]:
    if get_origin(annotation) is Literal:
        yield from get_args(annotation)
    elif get_origin(annotation) in (Union, UnionType, Annotated):
        for part in get_args(annotation):
            yield from choices(part)


def test_every_metric_of_every_task_that_can_be_a_goal_is_named() -> None:
    said = ROWS["success.metric"].cells[2]
    for task in TASKS:
        part = said[said.index(f"{task}:") :].partition(";")[0]
        measured = set(task_named(task).score().values()) - {"base_rate", "mean_forecast", "bias"}
        assert set(re.findall(r"`(\w+)`", part)) == measured


def test_the_file_on_the_page_is_a_pipeline() -> None:
    [text] = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    assert parse(text).pipeline == "shop"


def test_every_environment_variable_is_described_and_nothing_else() -> None:
    assert set(VARIABLES) == set(SETTINGS)


@pytest.mark.parametrize("name", SETTINGS)
def test_a_variable_has_its_default_and_an_example(name: str) -> None:
    default = SETTINGS[name].default
    assert VARIABLES[name].default == (str(default) if default else "–")
    variable, _, value = VARIABLES[name].example.partition("=")
    assert variable == name
    TypeAdapter(SETTINGS[name].annotation).validate_python(value)
