"""Run the command line as `python -m bdlbench`."""

from bdlbench.cli import main

main()
