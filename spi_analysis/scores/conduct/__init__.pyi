# The face of this package: each name and the module that defines it; loaded on first use.
from .checks import (
    CHECKS as CHECKS,
)
from .checks import (
    COACHED as COACHED,
)
from .checks import (
    HONEST as HONEST,
)
from .checks import (
    conduct_checks as conduct_checks,
)
from .checks import (
    conduct_summary as conduct_summary,
)
from .checks import (
    flagged as flagged,
)
from .coaching import (
    RoundAnswers as RoundAnswers,
)
from .coaching import (
    compared as compared,
)
from .coaching import (
    institution_signs as institution_signs,
)
from .coaching import (
    round_answers as round_answers,
)
from .forms import (
    form_effects as form_effects,
)
from .forms import (
    form_signs as form_signs,
)
