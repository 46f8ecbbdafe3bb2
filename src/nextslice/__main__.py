"""``python -m nextslice`` is the command ``nextslice``."""

from nextslice.cli import main

main()
