"""Category: what is known of one value goes, everything else stays as it was, and who cannot do that says so."""

import pickle
import random
from typing import Any

import pytest

from learners.asked import Category
from learners.category import forget, inventory_of, known, obstacle
from learners.expression import build
from learners.forgetting import can_forget
from learners.recent import Recent, RecentSpec

NONE = Recent({})
OPTIMISERS = (
    *(
        "SGD(0.01)",
        "Adam()",
        "AMSGrad()",
        "AdaBound()",
        "AdaDelta()",
        "AdaGrad()",
        "AdaMax()",
        "FTRLProximal()",
    ),
    *("Momentum()", "NesterovMomentum()", "Nadam()", "RMSProp()", "Averager(optim.SGD(0.01))"),
)
ENCODED = 'Select("distance") + OneHot("carrier", "origin")'
LINEAR = {
    "AdPredictor": f"{ENCODED} | linear_model.AdPredictor()",
    "ALMA": f"{ENCODED} | linear_model.ALMAClassifier()",
    "L1": f"{ENCODED} | linear_model.LogisticRegression(l1=0.001)",
    "L2": f"{ENCODED} | linear_model.LogisticRegression(l2=0.001)",
    "PA": f"{ENCODED} | linear_model.PAClassifier()",
    "Perceptron": f"{ENCODED} | linear_model.Perceptron()",
    "Softmax": f"{ENCODED} | linear_model.SoftmaxRegression(optimizer=optim.Adam())",
    "OneVsRest": f"{ENCODED} | multiclass.OneVsRestClassifier(linear_model.LogisticRegression())",
    "sampled": f"{ENCODED} | imblearn.RandomOverSampler(linear_model.LogisticRegression(), {{True: 0.5, False: 0.5}})",
    "prefixed": f'({ENCODED}) | compose.Prefixer("x_") | linear_model.LogisticRegression()',
    "scaled": f"({ENCODED}) | preprocessing.StandardScaler() | linear_model.LogisticRegression()",
    "ranged": f"({ENCODED}) | preprocessing.MinMaxScaler() | linear_model.LogisticRegression()",
    "robust": f"({ENCODED}) | preprocessing.RobustScaler() | linear_model.LogisticRegression()",
    "adaptive": f"({ENCODED}) | preprocessing.AdaptiveStandardScaler() | linear_model.LogisticRegression()",
} | {name: f"{ENCODED} | linear_model.LogisticRegression(optimizer=optim.{name})" for name in OPTIMISERS}


def flights(n: int, seed: int = 1) -> list[tuple[dict[str, Any], bool]]:
    rng = random.Random(seed)
    made = []
    for _ in range(n):
        carrier, origin, distance = rng.choice(["AA", "B6", "WN"]), rng.choice(["JFK", "LGA"]), rng.random()
        x = {"carrier": carrier, "origin": origin, "distance": distance}
        made.append((x, rng.random() < (0.8 if carrier == "WN" else 0.3)))
    return made


def taught(expression: str, n: int = 300) -> Any:
    model = build(expression)
    for x, y in flights(n):
        model.predict_proba_one(x)
        model.learn_one(x, y)
    return model


def mentions(thing: Any, name: bytes) -> bool:
    """Whether a word is anywhere in a model, by its bytes."""
    return name in pickle.dumps(thing)


@pytest.mark.parametrize("kind", LINEAR)
def test_nothing_of_the_category_is_left_and_what_others_have_stays(kind: str) -> None:
    model = taught(LINEAR[kind])
    before = known(model, NONE)
    assert mentions(model, b"carrier=WN")
    assert before["carrier"]["WN"].weights
    forget(model, NONE, Category("carrier", "WN"))
    assert not mentions(model, b"carrier=WN")
    del before["carrier"]["WN"]
    assert known(model, NONE) == before
    for x, y in flights(50, seed=2):
        model.predict_proba_one(x)
        model.learn_one(x, y)
    assert known(model, NONE)["carrier"]["WN"].weights, "it is learned anew"


def test_a_forgotten_category_weighs_as_one_that_never_came() -> None:
    model = taught(LINEAR["Adam()"])
    one = {"carrier": "WN", "origin": "JFK", "distance": 0.5}
    never = model.predict_proba_one(one | {"carrier": "never seen"})
    assert model.predict_proba_one(one) != never
    forget(model, NONE, Category("carrier", "WN"))
    assert model.predict_proba_one(one) == never


def test_crossed_categories_go_with_each_of_their_values() -> None:
    model = taught('OneHot("carrier") + Interact("carrier", "origin") | linear_model.LogisticRegression()')
    found = known(model, NONE)
    assert [name for name, _ in found["origin"]["JFK"].weights] == [
        name for name in model["LogisticRegression"].weights if name.endswith("&origin=JFK")
    ]
    forget(model, NONE, Category("origin", "JFK"))
    left = list(model["LogisticRegression"].weights)
    assert sorted(left) == sorted([
        *(f"carrier={name}" for name in ("AA", "B6", "WN")),
        *(f"carrier={name}&origin=LGA" for name in ("AA", "B6", "WN")),
    ])  # fmt: skip


def test_all_fields_are_encoded_where_none_is_named() -> None:
    model = taught("Numbers() + OneHot() | linear_model.LogisticRegression()")
    assert {field: sorted(values) for field, values in known(model, NONE).items()} == {
        "carrier": ["AA", "B6", "WN"],
        "origin": ["JFK", "LGA"],
    }


def test_entries_of_recent_statistics_go_also_of_keys_of_several_fields() -> None:
    recent = Recent({
        "late_there": RecentSpec(of="label", last=20, by="carrier"),
        "late_at": RecentSpec(of="label", last=20, by=("origin", "carrier")),
        "since": RecentSpec(of="label", stat="since", by="carrier"),
        "late": RecentSpec(of="label", last=20),
    })  # fmt: skip
    for n, (x, y) in enumerate(flights(50)):
        recent.label(x, y, float(n))
    model = build("Numbers() | linear_model.LogisticRegression()")
    assert known(model, recent)["carrier"]["WN"].statistics == ["late_there", "late_at", "since"]
    late = recent.statistics["late"].read({}, 50.0)
    forget(model, recent, Category("carrier", "WN"))
    assert sorted(known(model, recent)["carrier"]) == ["AA", "B6"]
    assert not mentions(recent, b"WN")
    assert recent.statistics["late"].read({}, 50.0) == late


@pytest.mark.parametrize(
    ("expression", "named"),
    [
        (f"{ENCODED} | tree.HoeffdingTreeClassifier()", "HoeffdingTreeClassifier"),
        ('Select("distance", "carrier") | tree.HoeffdingTreeClassifier()', "HoeffdingTreeClassifier"),
        ("Hash(100) | linear_model.LogisticRegression()", "Hash"),
        (f"{ENCODED} | ensemble.BaggingClassifier(linear_model.LogisticRegression())", "BaggingClassifier"),
        (
            f"{ENCODED} | imblearn.HardSamplingClassifier(linear_model.LogisticRegression(), 40, 0.1)",
            "HardSampling",
        ),
        (f"{ENCODED} | naive_bayes.MultinomialNB()", "MultinomialNB"),
    ],
)
def test_what_mixes_categories_refuses_and_says_what_can_be_done(expression: str, named: str) -> None:
    model = taught(expression, 60)
    with pytest.raises(LookupError, match=f"{named}.* mixes the categories of carrier .*Reset {named}"):
        forget(model, NONE, Category("carrier", "WN"))
    assert "carrier" not in known(model, NONE)


def test_a_tree_that_a_field_does_not_come_to_is_no_obstacle() -> None:
    model = build('Select("distance") | tree.HoeffdingTreeClassifier()')
    assert obstacle(model, "carrier") == ""
    assert obstacle(model, "distance")


def test_a_wrong_name_is_answered_by_what_there_is() -> None:
    model = taught(LINEAR["L2"])
    with pytest.raises(LookupError, match="knows no category 'UA' of 'carrier'; it knows AA, B6, WN"):
        can_forget(model, NONE, "carrier=UA")
    with pytest.raises(LookupError, match="no category of 'airline'; it knows some of carrier, origin"):
        can_forget(model, NONE, "airline=UA")
    with pytest.raises(LookupError, match="no part 'Scaler'; it has Select, OneHot, LogisticRegression"):
        can_forget(model, NONE, "Scaler")
    with pytest.raises(LookupError, match="no category of 'carrier'; it knows some of origin"):
        can_forget(model, NONE, "carrier=WN", private={"carrier"})


def test_a_private_value_is_not_told_by_what_it_is_crossed_with() -> None:
    model = build('OneHot("carrier") + Interact("carrier", "tail") | linear_model.LogisticRegression()')
    for n in range(30):
        model.learn_one({"carrier": "WN", "tail": f"N{n % 2}"}, n % 3 == 0)
    assert "N0" in str(inventory_of(model, NONE)["carrier"])
    told = inventory_of(model, NONE, {"tail"})
    assert list(told) == ["carrier"]
    assert told["carrier"]["values"]["WN"]["weights"] == 3
    forgot = can_forget(model, NONE, "carrier=WN", {"tail"})
    for said in (told, forgot):
        assert "carrier=WN&tail=…" in str(said)
        assert "N0" not in str(said)


def test_what_is_told_is_bounded_and_leaves_out_what_is_private() -> None:
    model = build('OneHot("tail", "carrier") | linear_model.LogisticRegression()')
    for n in range(300):
        model.learn_one({"tail": f"N{n:03}", "carrier": "WN"}, n % 3 == 0)
    found = inventory_of(model, NONE, {"carrier"})
    assert list(found) == ["tail"]
    assert (len(found["tail"]["values"]), found["tail"]["more"]) == (200, 100)
    assert set(found["tail"]["values"]["N000"]) == {"weights", "largest", "statistics"}
