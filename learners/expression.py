"""Expression: the text of a model in pipeline.yaml, built into a River model.

The text is parsed and its syntax tree walked; nothing in it is ever evaluated. A name stands for the
class it has in the catalogue, or for nothing.
"""

import ast
import inspect
from collections.abc import Mapping
from difflib import get_close_matches
from math import inf
from typing import Any, NoReturn

from river import base, compose
from river.base.transformer import BaseTransformer

from learners.catalogue import BARRED, CLASSES, KINDS, LARGEST, LEFT_OUT, LIMITS, SIGNATURES
from learners.transform import Union

MAX_TEXT, MAX_WORD, MAX_PARTS, MAX_DEPTH, MAX_COPIES = 2_000, 200, 200, 20, 1_000
MODELS = (base.Classifier, base.Regressor)
SEARCHING = ("neighbors.KNNClassifier", "neighbors.KNNRegressor")
"""Models that make themselves a search engine, which draws at random, where they are given none."""


class ExpressionError(ValueError):
    """What is wrong with an expression, in a sentence for the person who wrote it."""


def allowed_names() -> tuple[str, ...]:
    """The classes an expression may name, sorted."""
    return tuple(sorted(CLASSES))


def build(expression: str, *, seed: int = 1, task: str | None = None) -> Any:
    """The River model that an expression describes; ExpressionError says what is wrong with it.

    ``|`` chains transformers and ends in a model, ``+`` unites transformers from left to right. Every
    class that takes a seed gets one, derived from ``seed`` and its place in the text, unless the text
    gives its own: the same text and seed make the same model. With ``task`` the model must suit it.

    >>> model = build('Select("hour") + OneHot("origin") | linear_model.LogisticRegression()')
    >>> model.learn_one({"origin": "JFK", "hour": 5}, True)
    >>> build("linear_model.LogReg()")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    learners.expression.ExpressionError: column 1: linear_model.LogReg is not allowed; did you mean ...
    """
    model = _Builder(seed).value(_parse(expression), "", 1, 0)
    if not isinstance(model, MODELS):
        raise ExpressionError("the expression ends in no model: a classifier or regressor stands last")
    if task is not None:
        _check_task(model, task)
    return model


def _check_task(model: Any, task: str) -> None:
    wanted = base.Regressor if task == "regression" else base.Classifier
    if not isinstance(model, wanted):
        raise ExpressionError(f"the model is no {wanted.__name__.lower()}, which a {task} task needs")
    if task == "multiclass" and not model._multiclass:
        raise ExpressionError(
            "the model tells two classes apart; put multiclass.OneVsRestClassifier around it"
        )


def _parse(expression: str) -> ast.expr:
    """The syntax tree of a text of bearable size; in brackets, so that it may run over several lines."""
    if len(expression) > MAX_TEXT:
        raise ExpressionError(f"the expression is longer than {MAX_TEXT:,} characters")
    try:
        tree = ast.parse(f"(\n{expression}\n)", mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as problem:
        raise ExpressionError(
            f"column {getattr(problem, 'offset', None) or 1}: this is no expression"
        ) from None
    if sum(1 for node in ast.walk(tree) if isinstance(node, ast.expr)) > MAX_PARTS:
        raise ExpressionError(f"the expression has more than {MAX_PARTS} parts")
    return tree


def _refuse(node: ast.AST, problem: str) -> NoReturn:
    raise ExpressionError(f"column {getattr(node, 'col_offset', 0) + 1}: {problem}")


class _Builder:
    """Builds the values of a syntax tree; counts the seeds it hands out.

    ``parameter`` is the name of the argument a value is for, ``copies`` how many times the ensembles
    around it will copy it, ``depth`` how deep it stands.
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def value(self, node: ast.expr, parameter: str, copies: int, depth: int) -> Any:
        """What a node stands for."""
        if depth > MAX_DEPTH:
            _refuse(node, f"nested more than {MAX_DEPTH} deep")
        match node:
            case ast.Constant() | ast.UnaryOp(op=ast.USub(), operand=ast.Constant()):
                return _literal(node, parameter)
            case ast.List() | ast.Tuple():
                parts = self._all(node.elts, parameter, copies, depth)
                return parts if isinstance(node, ast.List) else tuple(parts)
            case ast.Dict():
                return self._dict(node, depth)
            case ast.BinOp(op=ast.BitOr() | ast.Add() as operator):
                parts = self._all(_operands(node, type(operator)), "", copies, depth)
                return _pipeline(node, parts) if isinstance(operator, ast.BitOr) else _union(node, parts)
            case ast.Call():
                return self._call(node, copies, depth)
        return _refuse_form(node)

    def _all(self, nodes: list[ast.expr], parameter: str, copies: int, depth: int) -> list[Any]:
        return [self.value(node, parameter, copies, depth + 1) for node in nodes]

    def _dict(self, node: ast.Dict, depth: int) -> dict[Any, Any]:
        keys = [key for key in node.keys if isinstance(key, ast.Constant)]
        if len(keys) < len(node.keys):
            _refuse(node, "a dict takes plain keys here")
        return dict(
            zip([_literal(key, "") for key in keys], self._all(node.values, "", 1, depth), strict=True)
        )

    def _call(self, node: ast.Call, copies: int, depth: int) -> Any:
        name = _dotted(node.func)
        if name not in CLASSES:
            _refuse_name(node.func, name)
        given = _arguments(node, name)
        copies *= _copies(given, name)
        if copies > MAX_COPIES:
            _refuse(node, f"{name} would make more than {MAX_COPIES:,} models")
        bound = SIGNATURES[name].bind_partial()
        for parameter, part in given.items():
            if isinstance(part, ast.expr):
                bound.arguments[parameter] = self.value(part, parameter, copies, depth + 1)
                _check_kind(part, parameter, bound.arguments[parameter])
            else:
                bound.arguments[parameter] = tuple(self._all(list(part), parameter, copies, depth))
        self._give_seed(bound, name)
        return _made(node, name, bound)

    def _give_seed(self, bound: inspect.BoundArguments, name: str) -> None:
        if "seed" in SIGNATURES[name].parameters:
            if bound.arguments.get("seed") is None:
                bound.arguments["seed"] = self.seed
            self.seed += 1
        if name in SEARCHING and bound.arguments.get("engine") is None:
            bound.arguments["engine"] = CLASSES["neighbors.SWINN"](seed=self.seed)
            self.seed += 1


def _made(node: ast.Call, name: str, bound: inspect.BoundArguments) -> Any:
    """An instance of a class of the catalogue, or the constructor's objection as an ExpressionError."""
    try:
        return CLASSES[name](*bound.args, **bound.kwargs)
    except (
        TypeError,
        ValueError,
        AttributeError,
        ArithmeticError,
        LookupError,
        NotImplementedError,
    ) as problem:
        _refuse(node, f"{name} cannot be made with these arguments: {problem}")


def _arguments(node: ast.Call, name: str) -> Mapping[str, Any]:
    """Nodes by parameter, positional ones included; a tuple of nodes for ``*names``."""
    keywords = {keyword.arg: keyword.value for keyword in node.keywords if keyword.arg}
    if len(keywords) < len(node.keywords) or any(isinstance(part, ast.Starred) for part in node.args):
        _refuse(node, f"{name} takes each argument once and by itself, without stars")
    try:
        given = SIGNATURES[name].bind(*node.args, **keywords).arguments
    except TypeError as problem:
        _refuse(node, f"{name}: {problem}; it takes {', '.join(SIGNATURES[name].parameters) or 'nothing'}")
    for parameter in given:
        if (name, parameter) in BARRED:
            _refuse(node, f"{name} may not set {parameter}: {BARRED[name, parameter]}")
    return given


def _copies(given: Mapping[str, Any], name: str) -> int:
    """How many copies of its model an ensemble makes; 1 for what is no ensemble."""
    if "n_models" not in SIGNATURES[name].parameters:
        return 1
    match given.get("n_models"):
        case ast.Constant(value=int(number)):
            return min(number, LIMITS["n_models"])
    return int(SIGNATURES[name].parameters["n_models"].default)


def _literal(node: ast.expr, parameter: str) -> Any:
    """A plain value within bounds."""
    part = node.operand if isinstance(node, ast.UnaryOp) else node
    value = part.value if isinstance(part, ast.Constant) else ...
    if value is None or isinstance(value, bool | str):
        if part is not node or len(str(value)) > MAX_WORD:
            _refuse(node, f"only texts of at most {MAX_WORD} characters and numbers are values here")
        return value
    if not isinstance(value, int | float) or abs(value) == inf:
        _refuse(node, "only texts, finite numbers, True, False and None are values here")
    largest = LIMITS.get(parameter, inf if isinstance(value, float) else LARGEST)
    if value > largest:
        _refuse(node, f"{parameter or 'a whole number'} is at most {largest:,}")
    if parameter in LIMITS and (value == 0 or part is not node):
        _refuse(node, f"{parameter} is more than 0")
    return value if part is node else -value


def _check_kind(node: ast.expr, parameter: str, value: Any) -> None:
    kinds = KINDS.get(parameter)
    if kinds and value is not None and not isinstance(value, kinds):
        _refuse(node, f"{parameter} must be a kind of {' or '.join(kind.__name__ for kind in kinds)}")


def _operands(node: ast.expr, operator: type[ast.operator]) -> list[ast.expr]:
    """What an operator connects, left to right, however it is bracketed."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, operator):
        return _operands(node.left, operator) + _operands(node.right, operator)
    return [node]


def _is_transformer(part: Any) -> bool:
    return isinstance(part[-1] if isinstance(part, compose.Pipeline) else part, BaseTransformer)


def _pipeline(node: ast.expr, steps: list[Any]) -> Any:
    *before, last = steps
    if not all(_is_transformer(step) for step in before):
        _refuse(node, "only transformers stand before a |")
    if not _is_transformer(last) and not isinstance(last, MODELS):
        _refuse(node, "after a | stands a transformer or a model")
    return compose.Pipeline(*steps)


def _union(node: ast.expr, parts: list[Any]) -> Any:
    if not all(_is_transformer(part) for part in parts):
        _refuse(node, "only transformers stand beside a +")
    return Union(*parts)


def _dotted(node: ast.expr) -> str:
    """``module.Class`` as it is written; "" for anything but names and dots."""
    if isinstance(node, ast.Attribute):
        front = _dotted(node.value)
        return front and f"{front}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def _refuse_name(node: ast.expr, name: str) -> NoReturn:
    if not name:
        _refuse(node, "only classes of the catalogue can be called")
    if name in LEFT_OUT:
        _refuse(node, f"{name} is not allowed: {LEFT_OUT[name]}")
    short = {full.rpartition(".")[2]: full for full in sorted(CLASSES)}
    near = get_close_matches(name, CLASSES, 1) or get_close_matches(name.rpartition(".")[2], short, 1)
    hint = f"; did you mean {short.get(near[0], near[0])}?" if near else ""
    _refuse(node, f"{name[:80]} is not allowed{hint}")


def _refuse_form(node: ast.expr) -> NoReturn:
    """Refuse what is neither a call, an operator nor a plain value, by its name."""
    name = _dotted(node)
    if name in CLASSES:
        _refuse(node, f"{name} needs brackets: {name}()")
    if name:
        _refuse_name(node, name)
    if isinstance(node, ast.BinOp):
        _refuse(node, "only | and + connect parts (Interact crosses categories)")
    _refuse(node, f"{type(node).__name__} has no place here: there are calls, | and +, and plain values")
