"""The batch: every notebook for every institution."""

from spi_analysis.batch.plan import Step, plan_steps
from spi_analysis.batch.run import BatchSummary, run_batch

__all__ = ["BatchSummary", "Step", "plan_steps", "run_batch"]
