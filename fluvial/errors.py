"""Errors that whoever runs a command can put right. Kept apart: who only catches them loads nothing else."""


class ConfigError(ValueError):
    """What is wrong in a pipeline file or a setting, where, and what to write instead."""


class SnapshotError(Exception):
    """The bytes are no usable snapshot; the sentence says why."""


class OtherVersion(SnapshotError):
    """The snapshot is sound but was made by other versions than ours."""


class Misplaced(SnapshotError):
    """The snapshot is sound but lies where another one belongs."""


class NoDrift(ValueError):
    """The incident is none about the stream: what it is about is said in its evidence."""


class Gap(Exception):
    """Journaled records are gone or are not what they were; the sentence names them."""
