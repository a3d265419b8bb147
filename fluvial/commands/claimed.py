"""How the evidence of an incident looks in a terminal."""

from fluvial.commands.common import plain_text, print_table, say
from fluvial.console.claims import PHASES, certainty, differed, gap, lead, likely, sentence, subject
from fluvial.console.phrases import count, moment, number
from fluvial.evidence import Said, calling, who
from fluvial.incidents import Incident

MOST = 20
"""Alarms, and as many signals beside them, that are printed; JSON has all."""


def print_claims(one: Incident) -> None:
    """What called and what became of it, what is likely behind it, and what else moved."""
    evidence = one.evidence
    called = calling(evidence)
    spoke = {said["monitor"] for said in called}
    about = [said for said in evidence if said["monitor"] in spoke]
    beside = [said for said in evidence if said["monitor"] not in spoke]
    if behind := likely(*one.cause):
        _say(behind)
    if said_first := differed(*one.cause_of_alarms):
        _say(said_first)
    _note(len(about), "earlier alarm")
    for said in about[-MOST:]:
        _print_alarm(said)
    if beside and called:
        say("  What else moved, without calling anybody:")
        _note(len(beside), "earlier signal")
        rows = [_row(said, called[0]["onset"]) for said in beside[-MOST:]]
        print_table(("  what", "direction", "began", "before", "after", "change"), rows)


def _print_alarm(said: Said) -> None:
    became = f", {PHASES[said['phase']]}" if said["phase"] != "first" else ""
    way = f"{said['severity']}, {said['direction']}{became}"
    _say(f"{way}: {sentence(said)} (said {moment(said['time'])})")
    if sure := certainty(said):
        _say(f"  {sure}")


def _row(said: Said, onset: float | None) -> tuple[str, ...]:
    began = lead(said["onset"], onset)
    return (
        f"  {subject(*who(said))}",
        said["direction"],
        began,
        number(said["before"]),
        number(said["after"]),
        gap(said),
    )


def _note(found: int, noun: str) -> None:
    if found > MOST:
        _say(f"{count(found - MOST, noun)} not shown: see --json")


def _say(text: str) -> None:
    say(f"  {plain_text(text)}")
