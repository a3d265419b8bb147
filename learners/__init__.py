"""Events in, predictions out: test, then train."""
