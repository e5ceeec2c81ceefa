# The face of the package: what a researcher starts from.
from .stages import ResearchRound as ResearchRound
from .stages import load_all as load_all
from .stages import load_round as load_round
from .stages import read_survey as read_survey

__version__: str
