"""Who runs which shard."""

from hypothesis import given
from hypothesis import strategies as st

from consumers.sharing import Claim, all_to_one, evenly, newest

MEMBERS = st.lists(st.sampled_from("abcdef"), min_size=1, max_size=6, unique=True)


@given(
    st.integers(1, 20), MEMBERS, st.dictionaries(st.integers(0, 19), st.sampled_from("abcdefgh"), max_size=20)
)
def test_every_shard_has_one_owner_and_nobody_more_than_a_fair_share(
    n: int, members: list[str], held: dict[int, str]
) -> None:
    claims = {shard: Claim(1, member) for shard, member in held.items()}
    owner = evenly(range(n), members, claims)
    assert set(owner) == set(range(n))
    loads = [list(owner.values()).count(member) for member in members]
    assert max(loads) - min(loads) <= 1


def test_a_member_that_joins_takes_no_more_than_it_must() -> None:
    claims = {shard: Claim(1, "a" if shard < 4 else "b") for shard in range(8)}
    owner = evenly(range(8), ["a", "b", "c"], claims)
    kept = sum(owner[shard] == claims[shard].member for shard in range(8))
    assert kept == 6


def test_one_model_stays_where_it_is_while_others_stand_by() -> None:
    claims = {0: Claim(3, "b"), 1: Claim(3, "b")}
    assert all_to_one([0, 1], ["a", "b", "c"], claims) == {0: "b", 1: "b"}
    assert all_to_one([0, 1], ["c", "a"], claims) == {0: "a", 1: "a"}


def test_a_zombie_that_comes_back_is_not_believed() -> None:
    claims = newest({"zombie": ([0], 3), "successor": ([0], 7)})
    assert all_to_one([0], ["zombie", "successor"], claims) == {0: "successor"}
