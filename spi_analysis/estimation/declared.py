"""What all designs can do: be restricted to a domain, calibrated, and given further columns."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Self

import numpy as np
import pandas as pd

from spi_analysis.errors import EstimationError
from spi_analysis.estimation.inputs import aligned, mask_of
from spi_analysis.weighting.auxiliary import Auxiliary, Totals, auxiliary_of
from spi_analysis.weighting.calibration import post_stratum_cells


@dataclass(frozen=True, init=False)
class DeclaredDesign(ABC):
    """A table with weights (n,), declared once and immutable; ``in_domain`` (n,) says which rows are looked at."""

    data: pd.DataFrame
    weights: np.ndarray
    in_domain: np.ndarray

    def __len__(self) -> int:
        return len(self.weights)

    def subset(self, mask: pd.Series | np.ndarray) -> Self:
        """A domain: the full design is kept, only the rows outside count as 0.

        Parameters
        ----------
        mask : Series or array (n,) of true and false   a Series is matched by its index

        Raises
        ------
        EstimationError   the mask has another length or other labels, a value is missing or neither true nor false
        """
        return self._with(in_domain=self.in_domain & mask_of(mask, self.data.index))

    def calibrated(
        self,
        totals: Totals,
        method: str = "linear",
        bounds: tuple[float, float] | None = None,
        scale_margins: bool = False,
    ) -> Self:
        """The design with calibrated weights (see ``weighting.calibrate``), whose variance knows of it.

        A SurveyDesign then uses residuals; a ReplicateDesign calibrates every replicate.

        Raises
        ------
        EstimationError   the design is restricted to a domain
        WeightingError    as ``weighting.calibrate``
        """
        self._refuse_domain()
        return self._calibrated_to(*auxiliary_of(self.data, totals, scale_margins), method, bounds)

    def post_stratified(self, by: str | list[str], totals: Mapping[object, float] | pd.Series) -> Self:
        """The design with post-stratified weights (see ``weighting.post_stratify``), as ``calibrated``."""
        self._refuse_domain()
        labels, cells = post_stratum_cells(self.data, by, totals)
        cell = str(labels.name)
        return self._calibrated_to(*auxiliary_of(self.data.assign(**{cell: labels}), {cell: cells}), "linear", None)

    def with_columns(self, columns: pd.DataFrame) -> Self:
        """The design with more columns in its data, matched by the index; another index is an EstimationError."""
        new = aligned(columns, self.data.index, "the table of new columns")
        return self._with(data=pd.concat([self.data.drop(columns=new.columns, errors="ignore"), new], axis=1))

    def _refuse_domain(self) -> None:
        if not self.in_domain.all():
            raise EstimationError(
                "a domain cannot be calibrated: the totals would be met by the whole sample",
                got=f"{int(self.in_domain.sum())} of {len(self)} rows in the domain",
                expected="the whole sample",
                hint="calibrate first, then take the domain: design.calibrated(totals).subset(mask)",
            )

    @abstractmethod
    def _calibrated_to(
        self, auxiliary: Auxiliary, targets: np.ndarray, method: str, bounds: tuple[float, float] | None
    ) -> Self: ...

    def _declare(self, **values: object) -> None:
        """Set the fields: a frozen dataclass lets nobody else do it."""
        for name, value in values.items():
            object.__setattr__(self, name, value)

    def _with(self, **changes: object) -> Self:
        copy = object.__new__(type(self))
        copy._declare(**{field.name: changes.get(field.name, getattr(self, field.name)) for field in fields(self)})
        return copy
