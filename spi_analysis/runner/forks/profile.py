"""What the workbench wants its forked processes to be like (``forked_papermill.Profile``)."""

from __future__ import annotations

from pathlib import Path

import forked_papermill
from forked_papermill import Profile
from spi_analysis.threads import SINGLE_THREAD

# In a child of a fork server: the server's folder.
PLACE = "SPI_FORK_SERVER"
# In a spawned worker and all that it starts: its folder.
MARK = "SPI_WORKER"
SEED = "SPI_SEED"
# Names the file that a kernel writes its peak memory to; without it, none is written.
PEAK = "SPI_PEAK"
PROVISIONER = "spi-fork"
# Libraries that write a date write this one.
DATE = {"SOURCE_DATE_EPOCH": "1704067200"}

SPI = Profile(
    place="spi_analysis.runner.forks.profile:SPI",
    provisioner=PROVISIONER,
    server_variable=PLACE,
    warm_up="spi_analysis.runner.forks.warm:warm_up",
    prepare="spi_analysis.runner.forks.process_environment:prepare",
    code_digest="spi_analysis.runner.digests:package_digest",
    kinds={"worker": "spi_analysis.runner.pool:forked_worker"},
    # The workbench's own words between its processes.
    allowed=frozenset({MARK, SEED, PEAK}),
    fixed=SINGLE_THREAD | DATE,
)


def fixed_environment(folder: Path) -> dict[str, str]:
    """The environment of workers, fork servers and their kernels; ``folder`` stands in for home and settings."""
    return forked_papermill.fixed_environment(folder, SPI)
