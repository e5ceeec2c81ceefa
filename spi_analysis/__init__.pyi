# The face of the package: what a researcher starts from.
from .tables import RoundData as RoundData
from .tables import load_round as load_round

__version__: str
