# The face of this package: each name and the module that defines it; loaded on first use.
from .model import (
    SERIES as SERIES,
)
from .model import (
    YearsFit as YearsFit,
)
from .model import (
    YearsModel as YearsModel,
)
from .model import (
    components as components,
)
from .model import (
    fit_panel as fit_panel,
)
from .model import (
    fit_years as fit_years,
)
from .noise import (
    Noise as Noise,
)
from .noise import (
    mean_move as mean_move,
)
from .noise import (
    published_noise as published_noise,
)
from .noise import (
    published_rank_sets as published_rank_sets,
)
from .noise import (
    type_spreads as type_spreads,
)
from .prediction import (
    METHODS as METHODS,
)
from .prediction import (
    hold_out as hold_out,
)
from .prediction import (
    hold_out_rises as hold_out_rises,
)
from .prediction import (
    levels as levels,
)
from .prediction import (
    moves as moves,
)
