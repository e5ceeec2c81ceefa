# The face of this package: each name and the module that defines it; loaded on first use.
from .candidate import (
    Allocation as Allocation,
)
from .candidate import (
    Design as Design,
)
from .candidate import (
    Waves as Waves,
)
from .candidate import (
    Weighting as Weighting,
)
from .compare import (
    compare_designs as compare_designs,
)
from .compare import (
    on_all_cores as on_all_cores,
)
from .compare import (
    run_designs as run_designs,
)
from .compare import (
    summarise as summarise,
)
from .means import (
    Answered as Answered,
)
from .means import (
    WeightingCells as WeightingCells,
)
from .means import (
    weighted_means as weighted_means,
)
from .population import (
    Cells as Cells,
)
from .population import (
    Population as Population,
)
from .response_models import (
    ResponseModel as ResponseModel,
)
from .response_models import (
    bias_of_respondents as bias_of_respondents,
)
from .runs import (
    LEAST_ANSWERS as LEAST_ANSWERS,
)
from .runs import (
    Settings as Settings,
)
