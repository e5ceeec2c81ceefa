# The face of this package: each name and the module that defines it; loaded on first use.
from .conduct_flags import CHECK_NAMES as CHECK_NAMES
from .fieldwork_progress import ineligible_note as ineligible_note
from .nonresponse_weighting import partials_table as partials_table
from .nonresponse_weighting import representativity_table as representativity_table
