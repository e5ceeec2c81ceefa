"""Disclosure control: nothing on too few people, and nothing hidden that follows by subtraction."""

from spi_analysis.disclosure.suppression import hide_small, small_cells
from spi_analysis.tables.released import mask

__all__ = ["hide_small", "mask", "small_cells"]
