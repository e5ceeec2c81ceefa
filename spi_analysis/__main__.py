"""`python -m spi_analysis` is `spi`."""

from spi_analysis.cli import main

main()
