"""What multiprocessing's server imports before it forks: all that ours loads, used a first time."""

from spi_analysis.runner.forks.warm import warm_up

warm_up()
