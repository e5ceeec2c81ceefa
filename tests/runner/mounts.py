"""Small and read-only disks for tests: mounts that only the processes of a `Room` see, and that end with it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

SIZE = 1024
# A new disk takes the place of a folder, with all that was in it.
MOUNT = 'mount -t tmpfs -o size="$2"k none /mnt && cp -a "$1"/. /mnt && mount --move /mnt "$1"'


class Room:
    """A mount namespace of its own; its files are reached from outside through ``seen``."""

    def __init__(self) -> None:
        root = os.geteuid() == 0
        self._user = [] if root else ["--user", "--preserve-credentials"]
        try:
            # It ends with its standard input: nothing stays mounted when the tests are killed.
            start = ["unshare", "--mount", *([] if root else ["--map-root-user"]), "sh", "-c", "echo ready; exec cat"]
            self._keeper = subprocess.Popen(start, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            assert self._keeper.stdout is not None
            may = self._keeper.stdout.readline() and not self.run("mount", "-t", "tmpfs", "none", "/mnt").returncode
        except OSError:
            may = False
        if not may:
            pytest.skip("file systems cannot be mounted here; root on Linux may")

    def run(self, *command: str, cwd: Path | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
        """A command that sees the mounts."""
        enter = ["nsenter", "--target", str(self._keeper.pid), "--mount", *self._user, f"--wd={cwd or '/'}"]
        env = {**os.environ, **environment}
        return subprocess.run([*enter, *command], capture_output=True, text=True, env=env, check=False)

    def seen(self, path: Path) -> Path:
        """The path by which processes outside reach what is at ``path`` in here."""
        return Path(f"/proc/{self._keeper.pid}/root{path}")

    def put_on_full_disk(self, folder: Path, left: int) -> None:
        """Give a folder a disk of a megabyte, of which so many kB are free."""
        self._put_on_disk(folder)
        filler = self.seen(folder) / "filler"
        room = os.statvfs(filler.parent)
        filler.write_bytes(bytes(max(0, room.f_bavail * room.f_frsize - left * 1024)))

    def make_space(self, folder: Path) -> None:
        """Take away what filled it."""
        (self.seen(folder) / "filler").unlink()

    def put_on_read_only_disk(self, folder: Path) -> None:
        """Give a folder a disk that can only be read from."""
        self._put_on_disk(folder)
        self._may_write(folder, "ro")

    def make_writable(self, folder: Path) -> None:
        """Mount it for writing."""
        self._may_write(folder, "rw")

    def close(self) -> None:
        """Its mounts go with it."""
        assert self._keeper.stdin is not None
        self._keeper.stdin.close()
        self._keeper.wait()

    def _put_on_disk(self, folder: Path) -> None:
        self.run("sh", "-ec", MOUNT, "-", str(folder), str(SIZE)).check_returncode()

    def _may_write(self, folder: Path, how: str) -> None:
        self.run("mount", "-o", f"remount,{how}", str(folder)).check_returncode()
