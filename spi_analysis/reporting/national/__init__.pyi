# The face of this package: each name and the module that defines it; loaded on first use.
from .all_institutions import (
    explorer_pages as explorer_pages,
)
from .all_institutions import (
    explorer_view as explorer_view,
)
from .all_institutions import (
    write_published_explorer as write_published_explorer,
)
from .effect_of_actions import (
    detectable_table as detectable_table,
)
from .effect_of_actions import (
    effects_table as effects_table,
)
from .fieldwork_page import (
    fieldwork_days_chart as fieldwork_days_chart,
)
from .fieldwork_page import (
    fieldwork_institutions_table as fieldwork_institutions_table,
)
from .fieldwork_page import (
    fieldwork_lag_table as fieldwork_lag_table,
)
from .fieldwork_page import (
    fieldwork_modes_table as fieldwork_modes_table,
)
from .fieldwork_page import (
    fieldwork_totals_table as fieldwork_totals_table,
)
from .fieldwork_page import (
    representativity_table as representativity_table,
)
from .lasting_levels import (
    components_table as components_table,
)
from .lasting_levels import (
    levels_view as levels_view,
)
from .lasting_levels import (
    published_rank_sets_table as published_rank_sets_table,
)
from .moves import (
    hold_out_table as hold_out_table,
)
from .moves import (
    moves_table as moves_table,
)
from .published_years import (
    agreement_table as agreement_table,
)
from .published_years import (
    bridge_view as bridge_view,
)
from .published_years import (
    categories_table as categories_table,
)
from .published_years import (
    corrections_table as corrections_table,
)
from .published_years import (
    disagreement_table as disagreement_table,
)
from .published_years import (
    distribution_chart as distribution_chart,
)
from .published_years import (
    means_table as means_table,
)
from .published_years import (
    movers_table as movers_table,
)
from .published_years import (
    types_chart as types_chart,
)
from .published_years import (
    unjoined_table as unjoined_table,
)
from .this_round import (
    coaching_text as coaching_text,
)
from .this_round import (
    experiences_table as experiences_table,
)
from .this_round import (
    forms_text as forms_text,
)
from .this_round import (
    kinds_note as kinds_note,
)
from .this_round import (
    rank_sets_table as rank_sets_table,
)
from .this_round import (
    round_table as round_table,
)
