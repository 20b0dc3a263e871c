"""``python -m kinspace`` is ``kinspace``."""

from kinspace.cli import main

main()
