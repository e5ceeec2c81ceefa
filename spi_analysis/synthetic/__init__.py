"""A whole round as received, generated from a seed, with known truth. Fixture data: nobody in it is real."""

from spi_analysis.synthetic.city import SyntheticCity, make_city
from spi_analysis.synthetic.fieldwork import simulate_fieldwork
from spi_analysis.synthetic.frame import clean_frame
from spi_analysis.synthetic.lists import received_lists
from spi_analysis.synthetic.vendor import vendor_files

__all__ = ["SyntheticCity", "clean_frame", "make_city", "received_lists", "simulate_fieldwork", "vendor_files"]
