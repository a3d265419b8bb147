"""How fast a pipeline is, as a ratio to the bare River loop over the same decoded events."""
