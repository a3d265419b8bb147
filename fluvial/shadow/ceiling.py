"""Ceiling: how much memory the process that computes shadow tables may take, and how much it took.

Models copied for a table can be large, and the worker beside it must not be the one that the kernel ends
for it. What is bounded is the memory that the process asks for for data (``RLIMIT_DATA``: the heap and
private mappings, on Linux), which is a little more than what it touches.
"""

import resource

MIB = 1 << 20


def cap(mebibytes: int) -> None:
    """Bound the memory of this process for good; 0 leaves it as it is.

    A bound that somebody else has set, and that is lower, stays.
    """
    if mebibytes:
        soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
        wanted = min([mebibytes * MIB, *(one for one in (soft, hard) if one != resource.RLIM_INFINITY)])
        resource.setrlimit(resource.RLIMIT_DATA, (wanted, hard))


def ceiling() -> int | None:
    """The bound in MiB; None where there is none."""
    soft, _ = resource.getrlimit(resource.RLIMIT_DATA)
    return None if soft == resource.RLIM_INFINITY else soft // MIB


def peak() -> int:
    """The most memory that this process has held at once, in MiB (its resident set)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def why() -> str:
    """What to say of a job for which the memory did not do."""
    bound = ceiling()
    if bound is None:
        return (
            "this machine has no memory left for it: the process that computes it held " + f"{peak():,} MiB"
        )
    return (
        f"it needs more than the {bound:,} MiB that the process beside the worker may take: set "
        "FLUVIAL_SHADOW_MEMORY higher, or 0 for no bound"
    )
