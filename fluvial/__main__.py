"""``python -m fluvial`` is the command line."""

from fluvial.cli import main

main()
