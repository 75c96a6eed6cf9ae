"""An ext4 that loses its power, for `check_power_loss.py`: as root, with a loop device."""

import fcntl
import os
import shutil
import struct
import subprocess

from tiny_files import write


class Mounted:
    """An ext4 in a file, mounted on `run`."""

    # _IOR('X', 125, __u32) of linux/ext4.h, with EXT4_GOING_FLAGS_NOLOGFLUSH.
    SHUTDOWN, NO_LOG = (2 << 30) | (4 << 16) | (ord("X") << 8) | 125, 2

    def __init__(self, directory):
        self.image, self.point, self.device = f"{directory}/disk.img", f"{directory}/run", None

    def make(self):
        shutil.rmtree(self.point, ignore_errors=True)
        os.makedirs(self.point)
        with open(self.image, "wb") as file:
            file.truncate(96 << 20)
        subprocess.run(
            ["mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=1,lazy_journal_init=1", self.image],
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self.mount()
        os.rmdir(f"{self.point}/lost+found")
        os.sync()

    def mount(self, how="noauto_da_alloc"):
        # A device of its own each time: one that is still in use would bring back the file system that was shut down.
        found = subprocess.run(
            ["losetup", "-f", "--show", self.image], check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        self.device = found.stdout.decode().strip()
        subprocess.run(
            ["mount", "-t", "ext4", "-o", how, self.device, self.point],
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def unmount(self):
        if os.path.ismount(self.point):
            subprocess.run(["umount", self.point], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        if self.device:
            subprocess.run(
                ["losetup", "-d", self.device], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
            self.device = None

    def lose_power(self):
        point = os.open(self.point, os.O_RDONLY)
        fcntl.ioctl(point, self.SHUTDOWN, struct.pack("I", self.NO_LOG))
        os.close(point)


def usable(directory):
    """Whether an ext4 can be mounted and shut down here; else why not."""
    disk = Mounted(directory)
    try:
        disk.make()
        write(f"{disk.point}/kept", b"1")
        os.sync()
        write(f"{disk.point}/dropped", b"2")
        disk.lose_power()
        disk.unmount()
        disk.mount()
        found = sorted(os.listdir(disk.point))
        disk.unmount()
        return None if found == ["kept"] else f"after a shutdown there is {found}"
    except (OSError, subprocess.CalledProcessError) as problem:
        disk.unmount()
        return str(problem)
