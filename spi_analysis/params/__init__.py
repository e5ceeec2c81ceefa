"""Parameters: YAML and CSV to frozen, validated models."""

from spi_analysis.params.base import Language, Source, Text
from spi_analysis.params.instrument import Instrument, SourceInstrument
from spi_analysis.params.published import PublishedYears
from spi_analysis.params.recommendations import Recommendation, RecommendationRules
from spi_analysis.params.roster import Institution, InstitutionInputs, Roster, load_roster
from spi_analysis.params.round import RoundParams
from spi_analysis.params.setup import RoundSetup, load_setup
from spi_analysis.params.sources import SourceParams
from spi_analysis.params.targets import Target, Targets
from spi_analysis.params.units import UnitFacts
from spi_analysis.params.workspace import Workspace, find_workspace

__all__ = [
    "Institution",
    "InstitutionInputs",
    "Instrument",
    "Language",
    "PublishedYears",
    "Recommendation",
    "RecommendationRules",
    "Roster",
    "RoundParams",
    "RoundSetup",
    "Source",
    "SourceInstrument",
    "SourceParams",
    "Target",
    "Targets",
    "Text",
    "UnitFacts",
    "Workspace",
    "find_workspace",
    "load_roster",
    "load_setup",
]
