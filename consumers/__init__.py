"""Bytes in, events out: Record, Log, Contract, Event, Label, Rejection."""
