"""Bytes in, events out: Record, Log, Contract, Event, Image, Label, Rejection."""
