"""Shadow tables, and decisions that give a shard another model."""
