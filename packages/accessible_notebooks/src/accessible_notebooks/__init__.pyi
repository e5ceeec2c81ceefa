# The face of this package: each name and the module that defines it; loaded on first use.
from .exporter import TEMPLATES as TEMPLATES
from .exporter import AccessibleExporter as AccessibleExporter
from .exporter import render_languages as render_languages
from .languages import MIME as MIME
from .languages import InLanguages as InLanguages
from .languages import Language as Language
from .languages import catalogue as catalogue
from .languages import messages as messages
from .page import Link as Link
from .page import Page as Page
from .page import PageError as PageError

__version__: str
