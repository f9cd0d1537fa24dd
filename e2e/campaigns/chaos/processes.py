"""Programs that run, what the kernel tells of them, and ending them for certain."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from pathlib import Path

from .mesh import HOST

# Lines of a log that tell nothing: the addresses in Envoy's last words.
NOISE = ("envoy: backtrace ", "envoy: envoy_bug ")


class Process:
    """One program in a session of its own, its log in a file, which can be started again."""

    def __init__(self, name: str, arguments: list[str], settings: dict[str, str], log: Path):
        self.name = name
        self.arguments = arguments
        self.settings = settings
        self.log = log
        self.popen: subprocess.Popen | None = None
        self.started = 0.0
        # Whether a fault has ended it, so that its end is no news.
        self.is_down = True

    def start(self) -> None:
        """Starts it. Its standard output is dropped: Envoy's access log goes there."""
        with self.log.open("ab") as output:
            self.popen = subprocess.Popen(self.arguments, env=self.settings, stdin=subprocess.DEVNULL,
                                          stdout=subprocess.DEVNULL, stderr=output, start_new_session=True)
        self.started = time.monotonic()
        self.is_down = False

    def age(self) -> float:
        """For how many seconds it has run."""
        return time.monotonic() - self.started

    @property
    def pid(self) -> int:
        return self.popen.pid

    def has_ended(self) -> bool:
        return self.popen is None or self.popen.poll() is not None

    def kill(self) -> None:
        """Ends it at once, and waits for it."""
        self.is_down = True
        if not self.has_ended():
            self.popen.kill()
            self.popen.wait()

    def session(self) -> list[int]:
        """The processes of its session, itself and its children among them."""
        if self.popen is None:
            return []
        return [pid for pid, fields in all_processes() if int(fields[3]) == self.pid]

    def last_lines(self, count: int) -> list[str]:
        """The end of its log."""
        try:
            with self.log.open("rb") as log:
                log.seek(0, os.SEEK_END)
                log.seek(max(0, log.tell() - 16384))
                lines = log.read().decode("utf-8", "replace").splitlines()
                return [line for line in lines if not any(noise in line for noise in NOISE)][-count:]
        except OSError:
            return []


def all_processes() -> list[tuple[int, list[str]]]:
    """Each process that is no zombie, with its state, parent, group and session."""
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                fields = Path(f"/proc/{entry}/stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if fields[0] != "Z":
                found.append((int(entry), fields))
    return found


def envoys(process: Process, folder: Path) -> list[int]:
    """The Envoys that serve for a nightjar-standalone, oldest first; one that only checks files is none."""
    if process.has_ended():
        return []
    found = []
    for child in children(process.pid):
        try:
            command = Path(f"/proc/{child}/cmdline").read_bytes().decode().split("\0")
        except OSError:
            continue
        if "envoy" in command[0] and "--mode" not in command and any(str(folder) in word for word in command):
            found.append(child)
    return sorted(found)


def children(pid: int) -> list[int]:
    try:
        return [int(child) for task in os.listdir(f"/proc/{pid}/task")
                for child in Path(f"/proc/{pid}/task/{task}/children").read_text().split()]
    except OSError:
        return []


def usage(pid: int) -> tuple[int, int] | None:
    """Resident memory in KiB, and open descriptors; `None` if the process is gone."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") // 1024, len(os.listdir(f"/proc/{pid}/fd"))
    except OSError:
        return None


def send(pid: int, number: signal.Signals) -> bool:
    """Sends a signal; false if there is no such process any more."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return False
    return True


def end_all(processes: list[Process], seconds: float) -> list[str]:
    """Asks programs to stop, waits, kills what is left, and names whatever had to be killed."""
    members = {process.name: process.session() for process in processes}
    for process in processes:
        process.is_down = True
        for pid in members[process.name]:
            send(pid, signal.SIGCONT)
        if not process.has_ended():
            process.popen.terminate()
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and any(not process.has_ended() for process in processes):
        time.sleep(0.02)
    killed = []
    for process in processes:
        left = process.session()
        if left:
            killed.append(process.name)
        for pid in left:
            send(pid, signal.SIGKILL)
        if process.popen is not None:
            process.popen.wait()
    return killed


class Ports:
    """Free ports below those that the kernel gives to outgoing connections."""

    RANGE = range(10_000, 32_000)

    def __init__(self):
        self.next = os.getpid() * 37 % len(self.RANGE)

    def free(self) -> int:
        for _ in self.RANGE:
            port = self.RANGE[self.next % len(self.RANGE)]
            self.next += 1
            with socket.socket() as probe:
                try:
                    probe.bind((HOST, port))
                except OSError:
                    continue
            return port
        raise OSError(f"no port of {self.RANGE} is free")


def inotify_left() -> int:
    """How many more inotify instances this user may have."""
    used = 0
    for pid, _ in all_processes():
        try:
            if os.stat(f"/proc/{pid}").st_uid != os.getuid():
                continue
            for descriptor in os.listdir(f"/proc/{pid}/fd"):
                used += os.readlink(f"/proc/{pid}/fd/{descriptor}") == "anon_inode:inotify"
        except OSError:
            continue
    return int(Path("/proc/sys/fs/inotify/max_user_instances").read_text()) - used
