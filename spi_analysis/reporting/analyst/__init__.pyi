# The face of this package: each name and the module that defines it; loaded on first use.
from .announcement_page import write_announcement as write_announcement
from .data_protection import write_notices as write_notices
from .data_protection import write_processing_record as write_processing_record
from .fieldwork_progress import ineligible_note as ineligible_note
from .fieldwork_progress import modes_table as modes_table
from .nonresponse_weighting import partials_table as partials_table
from .nonresponse_weighting import representativity_table as representativity_table
from .posters import write_posters as write_posters
from .sensitivity_ranges import CHECK_NAMES as CHECK_NAMES
