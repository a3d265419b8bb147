"""Snapshot: what is sealed comes back as it was; whatever else comes is refused and never run."""

import hashlib
import hmac
import pickle
import stat
from pathlib import Path
from typing import Any

import pytest
import zstandard

from fluvial.shard import Shard
from fluvial.snapshot import OtherVersion, SnapshotError, header_of, load_key, seal, unseal
from fluvial.state import State, fresh_state
from learners.catalogue import CLASSES
from learners.expression import build
from learners.task import task_named
from tests.fluvial.racing import race
from tests.fluvial.shards import Feed, towns
from tests.fluvial.world import KEY
from tests.learners.models import case, stream

HEADER = {"pipeline": "towns", "shard": 0, "river": "0.26.1"}
LABELS = {
    "binary": ("boolean", True, False),
    "multiclass": ("category", "wet", "dry"),
    "regression": ("number", 3.5, 1),
}
MODELS = {
    "binary": 'Select("x", "y", "wet") | naive_bayes.GaussianNB()',
    "multiclass": 'Select("x", "y") | tree.HoeffdingTreeClassifier(grace_period=20)',
    "regression": 'Select("x", "y") | forest.ARFRegressor(n_models=2, grace_period=20)',
}


def fed(task: str = "binary") -> Feed:
    """A shard in the middle of its work: labels wait, some came early, a drift was seen, some was refused."""
    kind, one, other = LABELS[task]
    recent: dict[str, object] = {
        "last": {"of": "x", "stat": "latest", "by": "town"},
        "often": {"of": "events", "stat": "count", "within": "9s"},
        "since": {"of": "events", "stat": "since", "by": "town"},
        "wet": {"of": "label", "stat": "mean", "by": "town", "last": 20, "default": 0.5},
    }
    if task == "multiclass":
        recent["wet"] = {"of": "label", "stat": "mean", "equals": "wet", "by": "town", "last": 20}
    feed = Feed(
        towns(
            task=task,
            model=MODELS[task],
            label={"type": kind, "horizon": "100s"},
            recent=recent,
            slices=["town"],
            baselines={"by": "town"},
        )
    )
    for n in range(400):
        feed.event(f"e{n}", at=n, town="AB"[n % 2], x=n % 7, y=n % 3)
        feed.label(f"e{n - 20}", one if (n % 3 == 0) == (n < 300) else other)
    feed.label("not yet", one)
    feed.event("e1", x="no number")
    feed.put("events", None)
    feed.outputs.clear()
    return feed


def go_on(feed: Feed, shard: Shard) -> bytes:
    """Step more of the same through a shard; the digest says whether anything differed."""
    feed.shard = shard
    for n in range(400, 500):
        feed.event(f"e{n}", at=n, town="AB"[n % 2], x=n % 5, y=n % 3)
        feed.label(f"e{n - 20}", LABELS[feed.pipeline.task][1 + n % 2])
    return shard.state.digest


@pytest.fixture(scope="module")
def sealed() -> bytes:
    return seal(fed().shard.state, HEADER, KEY)


@pytest.mark.parametrize("task", LABELS)
def test_a_shard_goes_on_after_a_snapshot_as_if_there_had_been_none(task: str) -> None:
    feed = fed(task)
    copy = unseal(seal(feed.shard.state, HEADER, KEY), HEADER, KEY)
    status = feed.shard.status()
    twin = Shard(feed.pipeline, 0, copy)
    assert twin.status() == status or repr(twin.status()) == repr(status)
    assert go_on(feed, twin) == go_on(fed(task), feed.shard)


@pytest.mark.parametrize("name", CLASSES)
def test_every_model_that_a_pipeline_may_have_comes_back_as_it_was(name: str) -> None:
    kind, expression = case(name)
    task, events = task_named(kind), stream(kind)
    model = build(expression, task=kind)
    for x, y in events[:170]:
        task.predict(model, x)
        task.learn(model, x, y)
    state: Any = fresh_state(towns())
    state.learner = model
    twin: Any = unseal(seal(state, HEADER, KEY), HEADER, KEY).learner
    for x, y in events[170:200]:
        assert task.pack(task.predict(twin, x)) == task.pack(task.predict(model, x))
        task.learn(twin, x, y)
        task.learn(model, x, y)


def test_the_header_can_be_read_without_opening_the_snapshot(sealed: bytes) -> None:
    assert header_of(sealed) == HEADER


@pytest.mark.parametrize("name", HEADER)
def test_a_snapshot_of_other_versions_is_told_from_a_broken_one(sealed: bytes, name: str) -> None:
    with pytest.raises(OtherVersion, match=f"{name} was .* and is 'other' now"):
        unseal(sealed, HEADER | {name: "other"}, KEY)


def test_another_key_does_not_open_it(sealed: bytes) -> None:
    with pytest.raises(SnapshotError, match="another key"):
        unseal(sealed, HEADER, b"x" * 32)


def test_a_flipped_bit_anywhere_is_noticed(sealed: bytes) -> None:
    for place in range(len(sealed)):
        changed = bytearray(sealed)
        changed[place] ^= 1 << place % 8
        with pytest.raises(SnapshotError):
            unseal(bytes(changed), HEADER, KEY)


def test_a_cut_anywhere_is_noticed(sealed: bytes) -> None:
    for length in range(len(sealed)):
        with pytest.raises(SnapshotError):
            unseal(sealed[:length], HEADER, KEY)


@pytest.mark.parametrize("more", [b"\0", b"FLUVIAL", KEY])
def test_bytes_that_were_added_are_noticed(sealed: bytes, more: bytes) -> None:
    with pytest.raises(SnapshotError, match="seal does not hold"):
        unseal(sealed + more, HEADER, KEY)


def forged(content: bytes, header: bytes = b"{}", *, pack: bool = True) -> bytes:
    """Bytes under a good seal, as somebody who has the key could make them."""
    body = zstandard.compress(content) if pack else content
    front = b"FLUVIAL\x01" + len(header).to_bytes(4, "big") + header
    return front + hmac.digest(KEY, front + body, hashlib.sha256) + body


def call(module: str, name: str, *arguments: str) -> bytes:
    """A pickle that calls a function with texts."""
    text = "".join(f"V{argument}\n" for argument in arguments)
    return f"c{module}\n{name}\n({text}tR.".encode()


def stacked(module: str, name: str) -> bytes:
    """A pickle of protocol 4 that looks up a name, which may have dots."""
    word = lambda text: b"\x8c" + bytes([len(text)]) + text.encode()  # noqa: E731
    return b"\x80\x04" + word(module) + word(name) + b"\x93."


NAMES = """
os:system posix:system subprocess:Popen builtins:eval builtins:exec builtins:getattr builtins:__import__
builtins:type builtins:object functools:partial operator:attrgetter operator:methodcaller operator:itemgetter
importlib:import_module pickle:loads copyreg:_reconstructor types:FunctionType
fluvial.store:Store fluvial.secrets:read_or_make fluvial.commands.demo:subprocess
fluvial.state:build fluvial.state:fresh_state fluvial.state:Any fluvial.state:Learner
fluvial.state:__builtins__ fluvial.state:State.__init__.__globals__
consumers.kafka:KafkaLog consumers.embedded:EmbeddedLog monitors.server:MetricsServer
learners.expression:build learners.portable:partial learners.portable:itemgetter learners.catalogue:inspect
learners.portable:revive_method.__globals__ river.tree.base:__builtins__ river.compose.pipeline:functools
river.datasets:Bikes river.datasets.base:RemoteDataset river.drift.datasets.base:abc
"""


@pytest.mark.parametrize("place", NAMES.split())
def test_a_name_that_no_state_holds_is_given_to_no_pickle(place: str) -> None:
    module, _, name = place.partition(":")
    for content in (stacked(module, name), call(module, name, "x")):
        with pytest.raises(SnapshotError, match="which no state holds"):
            unseal(forged(content), {}, KEY)


def hostile(marker: Path) -> list[bytes]:
    """Pickles that would make a file if anything in them ran."""
    made = f"touch {marker}"
    reach = b"cbuiltins\ngetattr\n(clearners.portable\nrevive_lower\nV__globals__\ntR."
    code = f"open({str(marker)!r}, 'w')"
    return [
        call("os", "system", made),
        call("subprocess", "getoutput", made),
        call("builtins", "exec", code),
        call("builtins", "eval", code),
        reach,
        b"cfunctools\npartial\n(cos\nsystem\nV" + made.encode() + b"\ntR(tR.",
        b"clearners.portable\nrevive_partial\n(cos\nsystem\n(V" + made.encode() + b"\nt(dtR(tR.",
        b"clearners.portable\nrevive_partial\n(cbuiltins\ndict\n(t(dtR(tR.",
        b"clearners.portable\nrevive_method\n(cbuiltins\ndict\nV__init_subclass__\ntR(tR.",
        b"clearners.portable\nrevive_method\n(V" + made.encode() + b"\nVupper\ntR(tR.",
        b"clearners.portable\nrevive_getter\n(I0\ntR.",
        b"(V" + made.encode() + b"\nios\nsystem\n.",  # INST
        b"(cos\nsystem\nV" + made.encode() + b"\no.",  # OBJ
        pickle.dumps(_Reduced(made), protocol=5),
    ]


class _Reduced:
    """What most people would write to run something through pickle."""

    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self) -> Any:
        import os  # noqa: PLC0415

        return os.system, (self.command,)


def test_nothing_that_a_pickle_wants_to_run_is_run_even_under_a_good_seal(tmp_path: Path) -> None:
    marker = tmp_path / "it ran"
    for content in hostile(marker):
        with pytest.raises(SnapshotError):
            unseal(forged(content), {}, KEY)
    assert not marker.exists()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b".",
        b"N.",
        b"(.",
        b"0.",
        b"h\0.",
        b"\x80\xff.",
        b"\x82\x01.",  # an extension that nobody registered
        b"P0\n.",  # a persistent id
        b"I" + b"9" * 5000 + b"\n.",
        b"\x8d" + b"\xff" * 8,  # a text of 2**64 bytes
        b"\x96" + (1 << 40).to_bytes(8, "little"),
        stacked("", ""),
        stacked("learners.learner", ""),
        stacked("learners.no_such_module", "Thing"),
        stacked("learners.learner", "NoSuchThing"),
        b"cfluvial.state\nState\n)R.",
        b"cfluvial.state\nState\n)\x81}b",
        pickle.dumps({"learner": None}),
        pickle.dumps([[]] * 10)[:-1],
    ],
)
def test_a_pickle_that_is_no_state_is_refused(content: bytes) -> None:
    with pytest.raises(SnapshotError):
        unseal(forged(content), {}, KEY)


@pytest.mark.parametrize("size", [2**31 + 1, 2**40, 2**62])
def test_a_snapshot_that_claims_to_be_huge_is_not_unpacked(size: int) -> None:
    frame = b"\x28\xb5\x2f\xfd\xe0" + size.to_bytes(8, "little") + b"\x01\x00\x00"
    with pytest.raises(SnapshotError, match=f"unpacks to {size} bytes"):
        unseal(forged(frame, pack=False), {}, KEY)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"no zstd",
        b"\x28\xb5\x2f\xfd",
        zstandard.ZstdCompressor(write_content_size=False).compress(b"N."),
    ],
)
def test_a_body_that_cannot_be_unpacked_is_refused(body: bytes) -> None:
    with pytest.raises(SnapshotError):
        unseal(forged(body, pack=False), {}, KEY)


@pytest.mark.parametrize("header", [b"", b"[]", b"null", b"{", b"\xff", b"[" * 100_000])
def test_a_header_that_is_none_is_refused(header: bytes) -> None:
    with pytest.raises(SnapshotError):
        unseal(forged(b"N.", header), {}, KEY)
    with pytest.raises(SnapshotError):
        header_of(forged(b"N.", header))


def test_a_state_that_cannot_be_packed_says_so() -> None:
    state: Any = fresh_state(towns())
    state.learner = lambda: None
    with pytest.raises(SnapshotError, match="cannot be packed"):
        seal(state, HEADER, KEY)
    state.learner = deep = []
    for _ in range(100_000):
        deep.append([])
        deep = deep[0]
    with pytest.raises(SnapshotError, match="cannot be packed: RecursionError"):
        seal(state, HEADER, KEY)


def test_a_snapshot_holds_a_state_and_nothing_else() -> None:
    assert isinstance(unseal(seal(fed().shard.state, HEADER, KEY), HEADER, KEY), State)


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
