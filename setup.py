"""What pyproject.toml cannot say: a wheel is made from the sources alone, and leaves nothing behind beside them."""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.bdist_wheel import bdist_wheel


class WheelOfTheSources(bdist_wheel):
    """setuptools copies into build/lib and keeps it: a module that was deleted since would stand in the next wheel."""

    def run(self):
        """Build without what an earlier build left, and take away what this one leaves."""
        self._forget()
        try:
            super().run()
        finally:
            self._forget()

    def _forget(self):
        for folder in (self.get_finalized_command("build").build_lib, self.bdist_dir):
            shutil.rmtree(folder, ignore_errors=True)
            if Path(folder).parent.name.startswith("bdist."):
                shutil.rmtree(Path(folder).parent, ignore_errors=True)


setup(cmdclass={"bdist_wheel": WheelOfTheSources})
