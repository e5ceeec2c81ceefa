# The face of this package: each name and the module that defines it; loaded on first use.
from .client import Child as Child
from .client import ForkError as ForkError
from .client import ForkServer as ForkServer
from .client import fork as fork
from .engines import FastEngine as FastEngine
from .engines import KernelEngine as KernelEngine
from .kernel import ForkProvisioner as ForkProvisioner
from .process import clean_environment as clean_environment
from .process import die_with as die_with
from .process import fixed_environment as fixed_environment
from .process import process_digest as process_digest
from .process import settings_below as settings_below
from .profile import DEFAULT_PROVISIONER as DEFAULT_PROVISIONER
from .profile import HOME as HOME
from .profile import PLAIN as PLAIN
from .profile import SETTINGS as SETTINGS
from .profile import Profile as Profile
from .wire import short_folder as short_folder

__version__: str
