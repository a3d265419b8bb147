"""What stands beside an incident in a terminal: what was before, what is near, what would not have called."""

from collections.abc import Sequence

from fluvial.commands.common import plain_text, say
from fluvial.console.phrases import DEEDS, number
from fluvial.incidents import Incident
from fluvial.similar import Similar
from fluvial.tuning import Proposal, paid


def print_beside(one: Incident, alike: Sequence[Similar], proposal: Proposal | None) -> None:
    """The incident that it came back from, earlier ones like it, and a budget that would not have called."""
    if one.regressed_from is not None:
        say(f"  It came back: see incident {one.regressed_from}")
    for found in alike:
        deeds = [f"{taken.who} {DEEDS.get(taken.action, taken.action)}" for taken in found.decided]
        what = plain_text("; ".join(deeds)) or "nobody decided anything"
        say(f"  {found.likeness} before, {found.incident.id}: {what}")
    if proposal is not None:
        _print_proposal(one, proposal)


def _print_proposal(one: Incident, proposal: Proposal) -> None:
    say(f"  {proposal.why}")
    if proposal.wanted is None or proposal.price is None:
        return
    say(f"  {paid(proposal.price)}")
    changed = [
        f"--{name.replace('_', '-')} {value}"
        for name, value in proposal.wanted._asdict().items()
        if value != getattr(proposal.now, name)
    ]
    say(f"  Apply it: fluvial set-budget {one.pipeline} {' '.join(changed)} --reason WHY")
    back = f"budget {number(proposal.now.budget)}, smallest change {number(proposal.now.smallest_change)}"
    say(f"  It undoes it to set what holds now: {back}")
