# The face of this package: each name and the module that defines it; loaded on first use.
from .process_environment import (
    seed_of as seed_of,
)
from .process_environment import (
    use_own_settings as use_own_settings,
)
from .profile import (
    MARK as MARK,
)
from .profile import (
    PEAK as PEAK,
)
from .profile import (
    PROVISIONER as PROVISIONER,
)
from .profile import (
    SEED as SEED,
)
from .profile import (
    SPI as SPI,
)
from .profile import (
    fixed_environment as fixed_environment,
)
