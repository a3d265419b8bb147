"""Recovery, measured: what dies, stalls or moves, how often, and what is left of it."""
