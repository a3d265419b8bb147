"""Expression: the text of a model in pipeline.yaml, built into a River model.

The text is parsed and its syntax tree walked; nothing in it is ever evaluated. A name stands for the
class it has in the catalogue, or for nothing.
"""

import ast
import inspect
from difflib import get_close_matches
from math import isfinite
from typing import Any, NoReturn

from river import base, compose

from learners.catalogue import CLASSES, COPIES, KINDS, LARGEST, LIMITS
from learners.transform import Union

MAX_TEXT, MAX_NODES, MAX_DEPTH, MAX_COPIES = 2_000, 200, 20, 1_000


class ExpressionError(ValueError):
    """What is wrong with an expression, in a sentence for the person who wrote it."""


def allowed_names() -> tuple[str, ...]:
    """The classes an expression may name, sorted."""
    return tuple(sorted(CLASSES))


def build(expression: str, *, seed: int = 1) -> Any:
    """The River model that an expression describes; ExpressionError says what is wrong with it.

    ``|`` chains transformers and ends in a model, ``+`` unites transformers from left to right. Every
    class that takes a seed gets one, derived from ``seed`` and its place in the text, unless the text
    gives its own: the same text and seed make the same model.

    >>> model = build('Select("hour") + OneHot("origin") | linear_model.LogisticRegression()')
    >>> model.learn_one({"origin": "JFK", "hour": 5}, True)
    >>> build('linear_model.LogisticRegresion()')
    Traceback (most recent call last):
    learners.expression.ExpressionError: column 1: linear_model.LogisticRegresion is not allowed; ...
    """
    tree = _parse(expression)
    model = _Builder(seed).value(tree, "", 1)
    if not isinstance(model, base.Classifier | base.Regressor):
        raise ExpressionError("the expression ends in no model: after the last | stands a classifier or regressor")
    return model


def _parse(expression: str) -> ast.expr:
    """The syntax tree of a text of bearable size; in brackets, so that it may run over several lines."""
    if len(expression) > MAX_TEXT:
        raise ExpressionError(f"the expression is longer than {MAX_TEXT:,} characters")
    try:
        tree = ast.parse(f"(\n{expression}\n)", mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as problem:
        column = getattr(problem, "offset", None) or 1
        raise ExpressionError(f"column {column}: this is no expression: {problem.args[0]}") from None
    if sum(1 for _ in ast.walk(tree)) > MAX_NODES:
        raise ExpressionError(f"the expression has more than {MAX_NODES} parts")
    return tree


def _refuse(node: ast.AST, problem: str) -> NoReturn:
    raise ExpressionError(f"column {getattr(node, 'col_offset', 0) + 1}: {problem}")
