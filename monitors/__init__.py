"""Predictions in, alarms out."""
