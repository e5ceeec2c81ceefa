"""Disclosure control: nothing on too few people, and nothing hidden that follows by subtraction."""

from spi_analysis.disclosure.suppression import hide_small, mask, small_cells

__all__ = ["hide_small", "mask", "small_cells"]
