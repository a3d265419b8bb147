"""Snapshot: what is packed comes back as it was, to the last bit; what cannot is refused at once."""

import gc
import stat
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fluvial.clock import StreamClock
from fluvial.errors import SnapshotError
from fluvial.secrets import load_key
from fluvial.shard import Shard
from fluvial.snapshot import pack, seal, unpack, unseal
from fluvial.state import State, fresh_state
from learners.expression import build
from learners.task import task_named
from tests.fluvial.kinds import LABELS, Kind, busy, fed, go_on, model_kinds, trained
from tests.fluvial.racing import race
from tests.fluvial.shards import Feed, towns
from tests.fluvial.world import KEY
from tests.learners.models import stream
from tests.recovery.likeness import difference, walk

FOREST = "forest.ARFClassifier(n_models=3, grace_period=20)"


def state_with(model: Any) -> State:
    """A state that holds this and little else."""
    return State(model, [], StreamClock(1.0))


def come_back(model: Any) -> Any:
    """What a model is after a snapshot."""
    sealed = seal(state_with(model), {}, KEY)
    twin: Any = unseal(sealed, {}, KEY).learner
    return twin


def deep_tree() -> Any:
    """A regression tree over a feature that only rises: hundreds of levels to one side."""
    model = build("tree.HoeffdingTreeRegressor(grace_period=2000)", task="regression")
    for number in range(1500):
        model.learn_one({"x": float(number)}, number % 7)
    return model


@pytest.mark.parametrize("task", LABELS)
def test_a_shard_goes_on_after_a_snapshot_as_if_there_had_been_none(task: str) -> None:
    feed, twin = fed(task), fed(task)
    twin.shard = Shard(feed.pipeline, 0, unseal(seal(feed.shard.state, {}, KEY), {}, KEY))
    assert twin.shard.status() == feed.shard.status() or repr(twin.shard.status()) == repr(
        feed.shard.status()
    )
    assert go_on(twin) == go_on(feed)
    assert difference(twin.shard.state, feed.shard.state) is None


@pytest.mark.parametrize("kind", model_kinds(), ids=" ".join)
def test_every_model_that_a_pipeline_may_have_comes_back_as_it_was(kind: Kind) -> None:
    model, task = trained(kind, 170)
    twin, twins_task = come_back(model), task_named(kind[0])
    assert difference(twin, model) is None
    for x, y in stream(kind[0])[170:240]:
        assert twins_task.pack(twins_task.predict(twin, x)) == task.pack(task.predict(model, x))
        twins_task.learn(twin, x, y)
        task.learn(model, x, y)
    assert difference(twin, model) is None


def test_a_forest_travels_without_the_generators_that_only_its_gaussians_have() -> None:
    model, task = build(FOREST, task="binary"), task_named("binary")
    events = stream("binary") * 6
    for x, y in events[:1500]:
        task.predict(model, x)
        task.learn(model, x, y)
    gaussians = sum(type(part).__name__ == "Gaussian" for part in walk(model))
    assert gaussians > 200
    state = state_with(model)
    assert len(pack(state)) < 1_000 * gaussians, "a generator alone takes 2,500 bytes"
    twin: Any = unpack(pack(state)).learner
    for x, y in events[1500:]:
        assert task.pack(task.predict(twin, x)) == task.pack(task.predict(model, x))
        task.learn(twin, x, y)
        task.learn(model, x, y)
    assert difference(twin, model) is None


def test_a_generator_that_is_made_anew_is_the_same_in_every_snapshot() -> None:
    model, _ = trained(("multiclass", "Numbers() | naive_bayes.GaussianNB()"))
    packed = pack(state_with(model))

    def drawn() -> list[float]:
        return [part.sample() for part in walk(unpack(packed)) if type(part).__name__ == "Gaussian"]

    assert drawn() == drawn() != []


@settings(max_examples=25, deadline=None)
@given(
    task=st.sampled_from(sorted(LABELS)),
    steps=st.lists(
        st.tuples(st.sampled_from(["event", "label", "odd"]), st.integers(0, 20), st.floats(allow_nan=False)),
        max_size=60,
    ),
)
def test_whatever_a_shard_has_seen_comes_back(task: str, steps: list[tuple[str, int, float]]) -> None:
    feed, truths = Feed(busy(task)), LABELS[task][1:]
    for what, number, value in steps:
        if what == "label":
            feed.label(f"e{number}", truths[number % 2])
        else:
            x: Any = value if what == "event" else str(value)
            feed.event(f"e{number}", at=feed.now + number, x=x, town=f"T{number % 3}")
    state = feed.shard.state
    assert difference(unpack(pack(state)), state) is None


def test_a_tree_that_grew_deep_is_packed_all_the_same() -> None:
    model = deep_tree()
    twin = come_back(model)
    assert difference(twin, model) is None
    assert twin.predict_one({"x": 700.0}) == model.predict_one({"x": 700.0})


def test_packing_leaves_the_interpreter_as_it_was() -> None:
    before = sys.getrecursionlimit(), threading.stack_size(), gc.isenabled()
    come_back(deep_tree())
    assert (sys.getrecursionlimit(), threading.stack_size(), gc.isenabled()) == before


def test_a_state_that_cannot_be_packed_says_so() -> None:
    state: Any = fresh_state(towns())
    state.learner = lambda: None
    with pytest.raises(SnapshotError, match="cannot be packed"):
        pack(state)
    state.learner = deep = []
    for _ in range(300_000):
        deep.append([])
        deep = deep[0]
    with pytest.raises(SnapshotError, match="cannot be packed: RecursionError"):
        pack(state)


@pytest.mark.parametrize("thing", [threading.Lock(), Path("x"), 1j, b"x".hex, [].append, memoryview(b"x")])
def test_a_class_that_is_not_listed_is_refused_when_it_is_packed_and_not_when_it_is_needed(
    thing: Any,
) -> None:
    with pytest.raises(SnapshotError, match="cannot be packed"):
        pack(state_with(thing))


def test_a_class_that_is_not_listed_says_where_to_list_it() -> None:
    with pytest.raises(
        SnapshotError, match=r"Path is not in fluvial/allowed.txt: .* run python -m tests.fluvial.needs"
    ):
        pack(state_with(Path("x")))


def test_a_state_too_large_to_be_read_back_is_not_packed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fluvial.snapshot.LARGEST", 1000)
    with pytest.raises(SnapshotError, match="at most 1,000 can be read back"):
        pack(fed().shard.state)


def test_a_snapshot_holds_a_state_and_nothing_else() -> None:
    state: Any = StreamClock(1.0)
    with pytest.raises(SnapshotError, match="holds a StreamClock, not a shard's state"):
        unpack(pack(state))


def test_a_key_is_made_once_and_only_its_owner_can_read_it(tmp_path: Path) -> None:
    path = tmp_path / "new folder" / "key"
    key = load_key(path)
    assert (len(key), load_key(path)) == (32, key)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [found.name for found in path.parent.iterdir()] == ["key"]


def test_many_that_make_the_key_at_once_agree_on_it(tmp_path: Path) -> None:
    for n in range(20):
        path = tmp_path / f"key {n}"
        keys = race(*[lambda path=path: load_key(path)] * 8)
        assert set(keys) == {path.read_bytes()}
    assert len(list(tmp_path.iterdir())) == 20


def test_a_key_that_is_too_short_or_cannot_be_read_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "short").write_bytes(b"x" * 31)
    with pytest.raises(SnapshotError, match="restore the key, or delete the file"):
        load_key(tmp_path / "short")
    with pytest.raises(SnapshotError, match="cannot be read: Is a directory"):
        load_key(tmp_path)
