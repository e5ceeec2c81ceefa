# The face of this package: each name and the module that defines it; loaded on first use.
from .suppression import (
    ITEM_SHARES as ITEM_SHARES,
)
from .suppression import (
    ROUNDING as ROUNDING,
)
from .suppression import (
    TOP as TOP,
)
from .suppression import (
    Told as Told,
)
from .suppression import (
    coarse_spread as coarse_spread,
)
from .suppression import (
    few_of_either as few_of_either,
)
from .suppression import (
    hidden_rates as hidden_rates,
)
from .suppression import (
    hide_small as hide_small,
)
from .suppression import (
    of_one_mind as of_one_mind,
)
from .suppression import (
    released_table as released_table,
)
from .suppression import (
    size_tells as size_tells,
)
from .suppression import (
    small_cells as small_cells,
)
from .suppression import (
    told_cells as told_cells,
)
from .suppression import (
    widened as widened,
)
