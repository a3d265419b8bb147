"""The curve shows what the store holds, on one axis of event time."""

from __future__ import annotations

from typing import Any

from fluvial.console.charts import incident_figure, pipeline_figure
from fluvial.console.drawing import MOST
from fluvial.incidents import Incidents
from fluvial.store import Store, point_table
from tests.fluvial.console.fleet import EVERY, START, alarm, decide, draw


def traces(figure: Any) -> dict[str, dict[str, Any]]:
    """The traces of a figure by name and axis."""
    return {f"{trace['name']} {trace['yaxis']}": trace for trace in figure.data}


def test_the_model_stands_beside_the_baselines_and_the_goal(either_store: Store) -> None:
    figure = pipeline_figure(either_store, "flights")
    found = traces(figure)
    assert {"model y", "base rate y", "rolling rate y", "model y2", "base rate y2"} < set(found)
    assert found["model y"]["x"][-1] == (START + 340 * EVERY) * 1000
    assert found["model y2"]["y"][0] is None, "undefined before the first positive"
    assert any(shape.get("yref") == "y2" and shape["y0"] == 0.7 for shape in figure.layout["shapes"])


def test_alarms_and_decisions_are_on_the_same_axis(store: Store) -> None:
    decide(store, incident="0f1e2d3c4b5a", action="pause", who="Ana", reason="odd <b>labels</b>")
    found = traces(pipeline_figure(store, "flights"))
    assert found["worse alarms y3"]["x"] == [(START + (at + 5) * EVERY) * 1000 for at in (255, 90)]
    assert found["worse alarms y3"]["customdata"][0] == "/incidents/0f1e2d3c4b5a"
    assert found["decisions y3"]["text"][0] == "Ana paused learning: odd &lt;b&gt;labels&lt;/b&gt;"
    assert found["decisions y3"]["x"][0] == (START + 340 * EVERY) * 1000


def test_a_long_curve_is_thinned_to_what_a_screen_shows(store: Store) -> None:
    with store.write() as db:
        db.execute(point_table.delete())
    draw(store, "flights", 3_000)
    found = traces(pipeline_figure(store, "flights"))["model y"]
    assert MOST / 2 < len(found["y"]) <= MOST


def test_an_incident_s_curve_is_about_its_time(store: Store) -> None:
    figure = incident_figure(store, "1a2b3c4d5e6f")
    found = traces(figure)["monitored loss y"]["x"]
    assert found[0] <= (START + 60 * EVERY) * 1000
    assert (START + 95 * EVERY) * 1000 in found
    assert found[-1] < (START + 160 * EVERY) * 1000
    steps = [shape["y0"] for shape in figure.layout["shapes"] if shape.get("yref") == "y"]
    assert steps == [0.171, 0.224]


def test_shards_are_drawn_as_their_mean(store: Store) -> None:
    for shard, loss in ((0, 1.0), (1, 3.0)):
        data = {"loss": {"model": loss}, "recent": {"model": {}}, "waiting": 0, "estimates": {}}
        row = {"pipeline": "demand", "shard": shard, "sequence": 1, "time": START + shard, "data": data}
        with store.write() as db:
            db.execute(point_table.insert(), row)
    assert traces(pipeline_figure(store, "demand"))["model y"]["y"] == [2.0]


def test_no_points_no_lines(store: Store) -> None:
    assert not any(trace["x"] for trace in pipeline_figure(store, "intent").data)
    Incidents(store).record("intent", 0, [("early", alarm(3))])
    assert not any(trace["x"] for trace in incident_figure(store, "early").data)
