"""Images from the event to the snapshot: learned from, kept, shown by their size and by nothing else."""

import json
from pathlib import Path
from typing import Any

import pytest

from consumers.image import Image
from fluvial.ablation import ablate
from fluvial.errors import ConfigError
from fluvial.shard import Shard
from fluvial.snapshot import pack, unpack
from fluvial.state import State
from tests.consumers.pictures import png
from tests.examples.playing import EXAMPLES, produced
from tests.fluvial.commandline import Commandline
from tests.fluvial.kinds import SIGHTED, sighted
from tests.fluvial.ran import ran
from tests.fluvial.shards import Feed, published, towns
from tests.recovery.likeness import difference

FIELDS: dict[str, Any] = SIGHTED["fields"] | {"town": {"type": "category", "use": "context"}}  # type: ignore[operator]


def refused(**changes: Any) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        towns(**SIGHTED | {"fields": FIELDS} | changes)
    return str(caught.value).removeprefix("pipeline.yaml: ").split("\npipeline.yaml: ")


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"slices": ["town", "door"]}, "slices.1"),
        ({"baselines": {"by": "door"}}, "baselines.by"),
        ({"source": "door"}, "source"),
        ({"recent": {"r": {"of": "door", "last": 9}}}, "recent.r.of"),
        ({"recent": {"r": {"of": "door", "last": 9, "equals": "x"}}}, "recent.r.of"),
        ({"recent": {"r": {"of": "label", "last": 9, "by": ["town", "door"]}}}, "recent.r.by"),
    ],
)
def test_an_image_is_refused_where_values_are_compared_or_counted(changes: dict[str, Any], key: str) -> None:
    assert f"{key}: 'door' is an image, which can only be shown to the model" in refused(**changes)


def test_an_image_is_no_id() -> None:
    assert "id: 'door' must have type text, category or integer, not image" in refused(id="door")


def test_a_size_is_for_images_within_bounds() -> None:
    for size in (3, 33):
        assert refused(fields=FIELDS | {"door": {"type": "image", "size": size}})[0].startswith(
            "fields.door.size"
        )
    assert refused(fields=FIELDS | {"town": {"type": "category", "size": 8}})[0] == (
        "fields.town: size is for images, not for category"
    )


def test_a_shard_learns_from_images() -> None:
    feed = sighted()
    assert feed.counts() == {"learned": 15, "waiting": 5, "used": 15, "early": 5} | feed.counts()
    feed.put("events", {"id": "new", "door": png(40, 30, lambda x, y: 9 * y)}, 30)
    assert feed.predictions()[-1]["id"] == "new"


def test_what_is_no_image_is_set_aside_and_the_stream_goes_on() -> None:
    feed = sighted()
    before = feed.status.predictions
    found = published(
        feed.put("events", {"id": "bad", "door": png(40, 30, lambda x, y: x)[:100]}), "quarantine"
    )
    assert [(one["reason"], one["detail"]) for one in found] == [
        ("bad_image", "door: is a PNG that was cut short")
    ]
    assert json.loads(found[0]["view"]) == {"id": "bad", "door": "100 characters that are no image"}
    feed.put("events", {"id": "good", "door": png(40, 30, lambda x, y: x)})
    assert feed.status.predictions == before + 1
    assert feed.status.quarantined == {("events", "bad_image"): 1}


def test_a_state_with_images_comes_back_from_a_snapshot_and_goes_on_alike() -> None:
    feed = sighted()
    twin = unpack(pack(feed.shard.state))
    assert difference(feed.shard.state, twin) is None
    [kept, *_] = [entry for entry in waiting(twin) if "door" in entry.features]
    assert type(kept.features["door"]) is Image
    other = sighted()
    other.shard = Shard(other.pipeline, 0, twin)
    for one in (feed, other):
        one.put("events", {"id": "next", "door": png(40, 30, lambda x, y: 5 * x)}, 40)
        one.label("e17", True)
    assert feed.shard.state.digest == other.shard.state.digest


def waiting(state: State) -> list[Any]:
    return list(state.learner.ledger._waiting.values())


def test_an_image_in_the_context_is_kept_from_the_model() -> None:
    fields = FIELDS | {"x": {"type": "number"}, "door": {"type": "image", "use": "context"}}
    feed = Feed(towns(fields=fields, model="Numbers() | linear_model.LogisticRegression()", recent={}))
    feed.event("a", town="York", door=png(4, 4, lambda x, y: 0))
    [entry] = waiting(feed.shard.state)
    assert list(entry.features) == ["x"]
    assert str(entry.context["door"]) == "image 4x4"


def test_of_what_an_image_did_the_mean_of_the_images_before_tells() -> None:
    feed = sighted()
    learner = feed.shard.state.learner
    entries = waiting(feed.shard.state)
    before = [entry.features for entry in entries[:-1]]
    [found] = ablate(feed.pipeline, learner.task, learner.model, entries[-1].features, before)
    assert (found.name, found.rule) == ("door", f"mean of {len(before)}")
    assert found.change != 0
    assert f"{found.value} {found.replaced_by}" == "image 40x30 image 40x30"


@pytest.mark.parametrize(("private", "shown"), [(False, "image 24x32"), (True, "***")])
def test_an_explained_prediction_shows_an_image_by_its_size(
    command: Commandline, tmp_path: Path, private: bool, shown: str
) -> None:
    text = (EXAMPLES / "digits" / "pipeline.yaml").read_text()
    text = text.replace("{type: image, ", f"{{type: image, pii: {str(private).lower()}, ")
    records = [(stream, key.decode(), value, at) for stream, key, value, at in produced("digits", 60)]
    file = ran(tmp_path, records, text=text)
    told = command("explain", file, "digit-0050", "--json").json
    [seen] = told["contributions"]
    assert told["same"]
    assert (seen["name"], seen["value"], seen["rule"]) == ("picture", shown, "left out")
    said = command("explain", file, "digit-0050").out
    assert shown in said
    assert "iVBORw0KGgo" not in said + json.dumps(told)
