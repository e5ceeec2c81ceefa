"""The papermill engines ``forked-kernel`` and ``forked-fast`` (entry points; also for ``papermill --engine``).

A project with a profile of its own subclasses them and names its classes in entry points of its own.
"""

from __future__ import annotations

import logging
import os
from typing import Any, ClassVar

from nbformat import NotebookNode
from papermill.engines import NBClientEngine
from papermill.iorw import write_ipynb

from forked_papermill.client import ForkError
from forked_papermill.profile import DEFAULT_PROVISIONER, PLAIN, Profile

log = logging.getLogger(__name__)


class _SavedOnce(NBClientEngine):
    """Saves the notebook once at the end instead of twice per cell, also where it ends by an exception.

    A cell that takes too long and a kernel that dies come as exceptions, after which papermill writes nothing more.
    """

    profile: ClassVar[Profile] = PLAIN

    @classmethod
    def execute_notebook(cls, nb: NotebookNode, kernel_name: str, output_path: str | None = None, **kwargs: Any) -> Any:
        try:
            return super().execute_notebook(nb, kernel_name, output_path=None, **kwargs)
        except BaseException:
            if output_path:
                write_ipynb(nb, output_path)
            raise


class KernelEngine(_SavedOnce):
    """Jupyter's own kernel, forked."""

    @classmethod
    def execute_managed_notebook(cls, nb_man: Any, kernel_name: str, **kwargs: Any) -> Any:
        os.environ[DEFAULT_PROVISIONER] = cls.profile.provisioner
        return super().execute_managed_notebook(nb_man, kernel_name, **kwargs)


class FastEngine(_SavedOnce):
    """Cells in a forked IPython shell, without a kernel around it."""

    @classmethod
    def execute_managed_notebook(
        cls, nb_man: Any, kernel_name: str, execution_timeout: int | None = None, **kwargs: Any
    ) -> Any:
        # Imported here: papermill imports this module while it is itself being imported.
        from papermill.log import logger

        from forked_papermill.channels import ShellClient

        rest = {name: value for name, value in kwargs.items() if name not in ("input_path", "start_timeout")}
        client = ShellClient(nb_man, timeout=execution_timeout, kernel_name=kernel_name, log=logger, **rest)
        client.profile = cls.profile
        try:
            return client.execute()
        except ForkError as error:
            log.warning("the notebook is run by a kernel started in the usual way: %s", error.what)
            # By our provisioner, which lets no more of the environment through than a fork would get.
            os.environ[DEFAULT_PROVISIONER] = cls.profile.provisioner
            return super().execute_managed_notebook(nb_man, kernel_name, execution_timeout=execution_timeout, **kwargs)
