# The face of this package: each name and the module that defines it; loaded on first use.
from .addressing import (
    institution_of as institution_of,
)
from .contacts import (
    import_contacts as import_contacts,
)
from .contacts import (
    opt_out as opt_out,
)
from .conversation import (
    lines_of as lines_of,
)
from .conversation import (
    mapping_proposed as mapping_proposed,
)
from .events import (
    import_events as import_events,
)
from .finished_survey import (
    survey_answers as survey_answers,
)
from .frame import (
    FrameImport as FrameImport,
)
from .frame import (
    import_frame as import_frame,
)
from .journal import (
    imports_so_far as imports_so_far,
)
from .journal import (
    on_trial as on_trial,
)
from .journal import (
    remembered as remembered,
)
from .journal import (
    take_back as take_back,
)
from .logs import (
    LogImport as LogImport,
)
from .readers import (
    read_sheets as read_sheets,
)
from .responses import (
    import_responses as import_responses,
)
from .responses import (
    item_codes as item_codes,
)
from .workbook import (
    filled as filled,
)
from .workbook import (
    same_every_time as same_every_time,
)
from .workbook import (
    text_of_cell as text_of_cell,
)
from .workbook import (
    workbook_bytes as workbook_bytes,
)
