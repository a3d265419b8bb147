"""How what River's models hold travels in a snapshot: as plain values and as names on lists, never as code.

Pickle writes a bound method as ``getattr(object, name)``, a partial as ``functools.partial`` and containers
as calls of their classes; a loader that lets those pass lets anything pass. Here each of them is written as
a call of one of the ``REVIVERS`` below: they take plain values, look names up on the lists of this package,
and make nothing that is larger than what they are given. REDUCERS say which type is written by which.
"""

from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Mapping
from random import Random
from typing import Any

import numpy as np
from river.proba import Gaussian
from river.utils import VectorDict

from learners import bound
from learners.held import RUST, WIDEST, NotPortable, listed, name_of

__all__ = ["REDUCERS", "REVIVERS", "NotPortable"]

_WORDS = 625
"""32-bit words of a Mersenne Twister: its state and its position."""


# ---- generators


def revive_random(words: bytes, gauss_next: float | None) -> Random:
    """A generator in the state in which it was written."""
    if len(words) != 4 * _WORDS:
        raise NotPortable(f"a generator has {_WORDS} words of state")
    twin = _started()
    twin.setstate((3, tuple(np.frombuffer(words, "<u4").tolist()), gauss_next))
    return twin


def _started() -> Random:
    """A generator that starts at 0; a twentieth of the time that ``Random(0)`` takes."""
    twin = Random.__new__(Random, 0)  # type: ignore[call-arg]
    twin.gauss_next = None  # type: ignore[attr-defined]
    return twin


def _reduce_random(thing: Random) -> Any:
    _, words, gauss_next = thing.getstate()
    return revive_random, (np.array(words, "<u4").tobytes(), gauss_next)


def revive_numpy_random(key: bytes, place: int, has_gauss: int, gauss: float) -> np.random.RandomState:
    """numpy's old generator in the state in which it was written."""
    if type(place) is not int or not 0 <= place < _WORDS:  # numpy would read beyond the end
        raise NotPortable(f"a generator has no place {place!r}")
    twin = np.random.RandomState(0)
    twin.set_state(("MT19937", np.frombuffer(key, "<u4"), place, has_gauss, gauss))
    return twin


def _reduce_numpy_random(thing: np.random.RandomState) -> Any:
    state: Any = thing.get_state(legacy=False)
    key, place = state["state"]["key"], state["state"]["pos"]
    return revive_numpy_random, (key.astype("<u4").tobytes(), place, state["has_gauss"], state["gauss"])


def revive_gaussian() -> Gaussian:
    """A normal distribution to be filled, with a generator of its own that starts at 0."""
    twin = Gaussian.__new__(Gaussian)
    twin._rng = _started()
    return twin


def _reduce_gaussian(thing: Gaussian) -> Any:
    """All but an unseeded generator: it differs in every process, so nothing exact can hang on it.

    Only ``sample`` draws from it, which no model does, and it is 96 % of a tree's state.
    """
    state = vars(thing).copy()
    if thing.seed is None:
        del state["_rng"]
    return revive_gaussian, (), state


# ---- containers: they are made empty and then filled, so that none can be made to copy another


def revive_counter() -> Counter[Any]:
    """An empty Counter."""
    return Counter()


def revive_ordered() -> OrderedDict[Any, Any]:
    """An empty OrderedDict."""
    return OrderedDict()


def revive_deque(maxlen: int | None) -> deque[Any]:
    """An empty deque."""
    return deque(maxlen=maxlen)


def revive_vector(weights: dict[Any, float]) -> VectorDict:
    """River's vector of weights by feature."""
    return VectorDict(weights, None, None, True)


def _reduce_counter(thing: Counter[Any]) -> Any:
    return revive_counter, (), None, None, iter(thing.items())


def _reduce_ordered(thing: OrderedDict[Any, Any]) -> Any:
    return revive_ordered, (), None, None, iter(thing.items())


def _reduce_deque(thing: deque[Any]) -> Any:
    return revive_deque, (thing.maxlen,), None, iter(thing)


def _reduce_vector(thing: VectorDict) -> Any:
    _, (weights, factory, mask, _) = thing.__reduce__()
    if factory is not None or mask is not None:
        raise NotPortable("no model has a VectorDict with a factory or a mask")
    return revive_vector, (weights,)


# ---- numbers


def revive_array(shape: tuple[int, ...], order: str, content: bytes) -> Any:
    """An array of doubles."""
    return np.frombuffer(content, "<f8").reshape(shape, order="F" if order == "F" else "C").copy(order="K")


def revive_range(start: int, stop: int, step: int) -> range:
    """A range of whole numbers."""
    return range(start, stop, step)


def revive_number(value: float) -> np.float64:
    """A double that came out of numpy."""
    return np.float64(value)


def _reduce_array(thing: Any) -> Any:
    if thing.dtype != np.float64:
        raise NotPortable(f"no model has an array of {thing.dtype}")
    order = "F" if thing.flags.f_contiguous and not thing.flags.c_contiguous else "C"
    return revive_array, (thing.shape, order, thing.astype("<f8", copy=False).tobytes(order))


def _reduce_number(thing: np.float64) -> Any:
    return revive_number, (float(thing),)


def _reduce_range(thing: range) -> Any:
    return revive_range, (thing.start, thing.stop, thing.step)


def revive_rust(name: str, given: tuple[Any, ...], state: bytes) -> Any:
    """One of River's objects that are written in Rust.

    A width out of bounds would end the process, and a state that is none makes Rust panic.
    """
    if any(isinstance(number, int) and not 0 <= number <= WIDEST for number in given):
        raise NotPortable(f"no {name} is wider than {WIDEST:,}")
    made = listed(RUST, name)
    try:
        twin = made(*given)
        twin.__setstate__(state)
    except BaseException as panic:
        if type(panic).__name__ != "PanicException":  # it has no better name, and is no Exception
            raise
        raise NotPortable(f"these bytes are no state of {name}") from None
    return twin


def _reduce_rust(thing: Any) -> Any:
    _, (cls, *given), state, *_ = thing.__reduce_ex__(5)
    return revive_rust, (name_of(cls, RUST), tuple(given), state)


REVIVERS: Mapping[tuple[str, str], Callable[..., Any]] = {
    (function.__module__, function.__name__): function
    for function in (
        *(revive_array, revive_counter, revive_deque, revive_gaussian, revive_number, revive_numpy_random),
        *(revive_ordered, revive_random, revive_range, revive_rust, revive_vector),
        *bound.REVIVERS,
    )
}
"""The functions that a loader may call, by module and name."""

REDUCERS: Mapping[type, Callable[[Any], Any]] = {
    Counter: _reduce_counter,
    Gaussian: _reduce_gaussian,
    OrderedDict: _reduce_ordered,
    Random: _reduce_random,
    VectorDict: _reduce_vector,
    deque: _reduce_deque,
    np.float64: _reduce_number,
    np.ndarray: _reduce_array,
    np.random.RandomState: _reduce_numpy_random,
    range: _reduce_range,
    **dict.fromkeys(RUST.values(), _reduce_rust),
    **bound.REDUCERS,
}
"""For ``Pickler.dispatch_table``: what each of these types is written as."""
