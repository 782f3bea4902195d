"""Run the command line as `python -m bdlbench`."""

from bdlbench.commands.main import main

main()
