# The face of this package: each name and the module that defines it; loaded on first use.
from .dispositions import (
    INELIGIBLE as INELIGIBLE,
)
from .dispositions import (
    UNKNOWN as UNKNOWN,
)
from .dispositions import (
    IneligibleReports as IneligibleReports,
)
from .dispositions import (
    answers_by_mode as answers_by_mode,
)
from .dispositions import (
    disposition_counts as disposition_counts,
)
from .dispositions import (
    final_dispositions as final_dispositions,
)
from .dispositions import (
    ineligible_reports as ineligible_reports,
)
from .dispositions import (
    person_numbers as person_numbers,
)
from .dispositions import (
    response_rates as response_rates,
)
from .dispositions import (
    scored_items_answered as scored_items_answered,
)
from .progress import (
    STATES as STATES,
)
from .progress import (
    Forecast as Forecast,
)
from .progress import (
    contact_states as contact_states,
)
from .progress import (
    daily_completes as daily_completes,
)
from .progress import (
    forecast_answers as forecast_answers,
)
from .progress import (
    funnel as funnel,
)
from .progress import (
    log_against_answers as log_against_answers,
)
from .progress import (
    quota_progress as quota_progress,
)
from .reminders import (
    Reminders as Reminders,
)
from .reminders import (
    log_of_reminders as log_of_reminders,
)
from .reminders import (
    prepare_reminders as prepare_reminders,
)
