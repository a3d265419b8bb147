"""A simulated world in which whole histories of a pipeline pass in milliseconds.

The runner and all that recovers a shard are the real ones; the log, the clocks and the membership
are simulated, the store is the real one in memory, and everything that can fail does so as a seed
says. A history that breaks a promise is told by its seed and can be run again, step by step:
``python -m tests.simulation SEED``.
"""
