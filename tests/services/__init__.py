"""Real services for tests: each is found or started on this machine, or says why it cannot be."""
