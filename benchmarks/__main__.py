"""All benchmarks, one table."""

from __future__ import annotations

from benchmarks import bootstrap, calibrate, means_by_domain, propensity, rake
from benchmarks.common import main

if __name__ == "__main__":
    main([means_by_domain.SPEED, rake.SPEED, calibrate.SPEED, bootstrap.SPEED, propensity.SPEED])
