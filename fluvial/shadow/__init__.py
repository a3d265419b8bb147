"""Shadow: what other models would have made of the same events, and going on with one of them."""
