"""The side of the people, and the only place where the parts are wired together."""
