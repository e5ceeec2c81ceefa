"""The batch: every notebook for every institution."""

from typing import Any

from spi_analysis.batch.plan import Step, plan_steps

__all__ = ["BatchSummary", "Step", "plan_steps", "run_batch"]


def __getattr__(name: str) -> Any:
    """What runs notebooks is imported when it is asked for: imports, draws and weights need none of it."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from spi_analysis.batch import run

    return getattr(run, name)
