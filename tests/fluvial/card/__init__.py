"""Tests of the evidence card."""
