# The face of this package: each name and the module that defines it; loaded on first use.
from .client import (
    ForkError as ForkError,
)
from .client import (
    ForkServer as ForkServer,
)
from .client import (
    fork as fork,
)
from .process_environment import (
    DEFAULT_PROVISIONER as DEFAULT_PROVISIONER,
)
from .process_environment import (
    MARK as MARK,
)
from .process_environment import (
    PEAK as PEAK,
)
from .process_environment import (
    SEED as SEED,
)
from .process_environment import (
    fixed_environment as fixed_environment,
)
from .process_environment import (
    seed_of as seed_of,
)
from .process_environment import (
    use_own_settings as use_own_settings,
)
from .wire import short_folder as short_folder
