"""The SPI workbench: from lists of people to an integrity score that can be defended."""

__version__ = "0.1.0"
