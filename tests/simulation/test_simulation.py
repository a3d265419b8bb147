"""The simulated world: thousands of histories, and that it would notice if a promise were broken."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.simulation.coverage import missing
from tests.simulation.history import run
from tests.simulation.mutants import MUTANTS, first_noticed
from tests.simulation.store import MemoryStore

SEEDS = 2_000
MUTANT_SEEDS = 300
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def store() -> Iterator[MemoryStore]:
    with closing(MemoryStore()) as made:
        yield made


def simulate(*options: str, hash_seed: str = "random") -> subprocess.CompletedProcess[str]:
    """Run ``python -m tests.simulation`` in a process of its own, which leaves the processors to other tests."""
    command = ["nice", "-n", "5", sys.executable, "-m", "tests.simulation", *options]
    environment = os.environ | {"PYTHONHASHSEED": hash_seed}
    return subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=2_400
    )


@pytest.mark.timeout(2_400)
def test_two_thousand_histories_break_no_promise_and_meet_every_fault(
    capsys: pytest.CaptureFixture[str],
) -> None:
    done = simulate("--seeds", str(SEEDS), "--jobs", str(len(os.sched_getaffinity(0))), "--json")
    assert done.stdout, done.stderr[-3000:]
    found = json.loads(done.stdout.splitlines()[-1])
    with capsys.disabled():
        print(f" {found['per_minute']} histories per minute ", end="")
    assert found["broken"] == {}, done.stderr[-3000:]
    assert found["histories"] == SEEDS
    assert missing(Counter(found["figures"]), SEEDS) == {}


def test_a_seed_tells_the_same_history_again_whatever_the_hash_seed_is() -> None:
    told = [simulate("17", hash_seed=seed).stdout for seed in ("1", "2")]
    assert told[0] == told[1]
    assert len(told[0].splitlines()) > 20


def test_what_ran_before_does_not_change_a_history(store: MemoryStore) -> None:
    first: list[str] = []
    run(23, store, first.append)
    for seed in range(3):
        run(seed, store)
    again: list[str] = []
    run(23, store, again.append)
    assert first == again


@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", MUTANTS)
def test_the_simulation_notices_when(name: str, store: MemoryStore) -> None:
    seed = first_noticed(MUTANTS[name], range(MUTANT_SEEDS), lambda seed: run(seed, store).broken)
    assert seed is not None, f"{MUTANT_SEEDS} histories in which {name}, and nothing was noticed"


def test_a_broken_promise_is_told_with_its_seed(monkeypatch: pytest.MonkeyPatch, store: MemoryStore) -> None:
    mutant = MUTANTS["a replay goes by time alone"]
    with mutant.alive():
        outcomes = [run(seed, store) for seed in range(10)]
    broken = [outcome for outcome in outcomes if outcome.broken]
    assert broken
    assert all(outcome.seed == n for n, outcome in enumerate(outcomes))
    assert run(broken[0].seed, store).broken == [], "it is the mutant that breaks it"
