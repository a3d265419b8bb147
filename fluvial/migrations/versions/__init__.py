"""One file for each number that ``schema_version`` has had."""
