"""Notices: people are told of what changed about incidents; nothing here can stop or slow a worker."""
