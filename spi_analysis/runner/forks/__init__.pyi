# The face of this package: each name and the module that defines it; loaded on first use.
from .process_environment import (
    seed_of as seed_of,
)
from .process_environment import (
    use_own_settings as use_own_settings,
)
from .warm import (
    MARK as MARK,
)
from .warm import (
    PEAK as PEAK,
)
from .warm import (
    PROVISIONER as PROVISIONER,
)
from .warm import (
    SEED as SEED,
)
from .warm import (
    SPI as SPI,
)
from .warm import (
    fixed_environment as fixed_environment,
)
