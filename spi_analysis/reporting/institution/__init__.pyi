# The face of this package: each name and the module that defines it; loaded on first use.
from .action_plan import (
    save_action_plan as save_action_plan,
)
from .bridge import (
    bridge_view as bridge_view,
)
from .bridge import (
    changes_view as changes_view,
)
from .downloads import (
    save_tables as save_tables,
)
from .expectation import (
    expectation_view as expectation_view,
)
from .first_screen import (
    first_screen_view as first_screen_view,
)
from .first_screen import (
    plain_page_view as plain_page_view,
)
from .first_screen import (
    save_card as save_card,
)
from .page_tables import (
    groups_view as groups_view,
)
from .page_tables import (
    sources_view as sources_view,
)
from .priorities import (
    priority_areas_view as priority_areas_view,
)
from .priorities import (
    tracker_view as tracker_view,
)
from .sentences import (
    WITHHELD as WITHHELD,
)
from .sentences import (
    short_name as short_name,
)
from .views import (
    change_view as change_view,
)
from .views import (
    composition_view as composition_view,
)
from .views import (
    course_view as course_view,
)
from .views import (
    dimensions_view as dimensions_view,
)
from .views import (
    experiences_view as experiences_view,
)
from .views import (
    glossary_view as glossary_view,
)
from .views import (
    index_chart as index_chart,
)
from .views import (
    interventions_view as interventions_view,
)
from .views import (
    opening as opening,
)
from .views import (
    quality_view as quality_view,
)
from .views import (
    questions_view as questions_view,
)
from .views import (
    questions_views as questions_views,
)
from .views import (
    recommendations_view as recommendations_view,
)
from .views import (
    units_view as units_view,
)
from .views import (
    units_views as units_views,
)
from .views import (
    who_answered_view as who_answered_view,
)
