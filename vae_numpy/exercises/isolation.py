"""Keep a process of this machine from the files of others, with what Linux gives everybody.

First namespaces (since Linux 3.8; many desktops and most containers forbid them): there every file
is read-only, the process's own folder is a small file system in memory, there is no network and no
other process, and all that it has started ends with it. Then Landlock (Linux 6.2): nothing outside
the folder can be written, made or deleted, and no TCP connection opened. Neither hides what can be
read, and neither is a wall against somebody who attacks the kernel.

Nothing here needs root, a package or a program: the system calls are made with ``ctypes``.
"""

import ctypes
import os
import signal
import struct
import sys
from contextlib import suppress
from pathlib import Path

NAMESPACES, LANDLOCK, NONE = "namespaces", "Landlock", "none"
PROMISES = {
    NAMESPACES: "files outside are read-only, there is no network, no other process can be ended",
    LANDLOCK: "files outside cannot be written or deleted; their permissions can be changed",
    NONE: "an answer can do to files and processes whatever you can",
}
FOLDER_BYTES = 64 * 2**20  # what an answer may write

# From linux/sched.h, mount.h, prctl.h; the numbers of system calls are those of all architectures.
NEWNS, NEWIPC, NEWUSER, NEWPID, NEWNET = 0x20000, 0x8000000, 0x10000000, 0x20000000, 0x40000000
NOSUID, NODEV, REC, PRIVATE = 2, 4, 0x4000, 1 << 18
AT_FDCWD, AT_RECURSIVE, READ_ONLY = -100, 0x8000, 1
DEATH_SIGNAL, SUBREAPER, NO_NEW_PRIVILEGES = 1, 36, 38
MOUNT_SETATTR, CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 442, 444, 445, 446
CAPABILITIES_VERSION = 0x20080522

# From linux/landlock.h: write, remove (2), make (7), link elsewhere, truncate.
WRITE_FILE, WRITING = 1 << 1, sum(1 << bit for bit in (1, *range(4, 15)))
TCP, SIGNALS_AND_SOCKETS = 0b11, 0b11
TRUNCATE_SINCE, TCP_SINCE, SCOPES_SINCE = 3, 4, 6


def isolate(folder: str) -> str:
    """Shut this process in, as well as this machine can; what it forks from now on as well.

    For a process with one thread. With namespaces the first process that it forks is the first of
    its world: when that one ends, all end.

    Parameters
    ----------
    folder : str
        The one that stays writable; what is in it may be hidden by an empty one.

    Returns
    -------
    {"namespaces", "Landlock", "none"}
        What holds.
    """
    if sys.platform != "linux":
        return NONE
    with suppress(OSError, AttributeError):
        _enter_namespaces(folder)
        with suppress(OSError):
            _restrict(folder)  # as well, where there is such a thing
        return NAMESPACES
    with suppress(OSError):
        _restrict(folder)
        return LANDLOCK
    return NONE


def available(folder: str) -> str:
    """Say what ``isolate`` achieves here, by trying it in a process of its own.

    Parameters
    ----------
    folder : str

    Returns
    -------
    {"namespaces", "Landlock", "none"}
    """
    if not hasattr(os, "fork"):
        return NONE
    kinds = list(PROMISES)
    pid = os.fork()
    if pid == 0:
        kind = NONE
        with suppress(BaseException):
            kind = isolate(folder)
        os._exit(kinds.index(kind))
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    return kinds[code] if code >= 0 else NONE


def limit(memory: int, seconds: int, processes: int | None = None) -> None:
    """Set limits for this process: memory, time of the processor, size of a file, processes.

    Parameters
    ----------
    memory : int
        Bytes beyond those that the process has now, where the system says how many these are.
    seconds : int
    processes : int, optional
        Of this user; in namespaces, of those inside.
    """
    import resource

    with suppress(OSError):
        pages = int(Path("/proc/self/statm").read_text("ascii").split()[0])
        _set(resource.RLIMIT_AS, pages * resource.getpagesize() + memory)
    _set(resource.RLIMIT_CPU, seconds)
    _set(resource.RLIMIT_FSIZE, FOLDER_BYTES)
    _set(resource.RLIMIT_CORE, 0)
    if processes:
        _set(resource.RLIMIT_NPROC, processes)


def _set(kind, value):
    import resource

    _, hard = resource.getrlimit(kind)
    value = value if hard == resource.RLIM_INFINITY else min(value, hard)
    with suppress(OSError, ValueError):
        resource.setrlimit(kind, (value, value))


def adopt_orphans() -> None:
    """Become the parent of whatever a child leaves behind, so that it is found; Linux only."""
    with suppress(OSError, AttributeError):
        _call("prctl", SUBREAPER, 1, 0, 0, 0)


def end_with_parent() -> None:
    """Have this process ended when the one that forked it ends; Linux only."""
    with suppress(OSError, AttributeError):
        _call("prctl", DEATH_SIGNAL, signal.SIGKILL, 0, 0, 0)


def descendants() -> list[int]:
    """Return the numbers of all processes that come from this one; Linux only.

    Returns
    -------
    list of int
    """
    found: list[int] = []
    wanted = [os.getpid()]
    while wanted:
        for task in Path(f"/proc/{wanted.pop()}/task").glob("*/children"):
            with suppress(OSError):
                children = [int(pid) for pid in task.read_text("ascii").split()]
                found, wanted = found + children, wanted + children
    return found


def end_all(group: int) -> None:
    """End all processes that come from this one, and wait until there are none.

    Parameters
    ----------
    group : int
        The process group to end where the system has no list of a process's children.
    """
    while True:
        for pid in descendants():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(group, signal.SIGKILL)
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return


# System calls -----------------------------------------------------------------------------------


def _call(name, *arguments):
    """Call a function of the C library; where it returns -1, raise what it says."""
    result = getattr(ctypes.CDLL(None, use_errno=True), name)(*arguments)
    if result == -1:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")
    return result


def _system_call(number, *arguments):
    longs = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    return _call("syscall", ctypes.c_long(number), *longs)


def _enter_namespaces(folder):
    user, group = os.getuid(), os.getgid()
    _call("unshare", NEWUSER | NEWNS | NEWPID | NEWNET | NEWIPC)
    Path("/proc/self/setgroups").write_text("deny", "ascii")
    Path("/proc/self/uid_map").write_text(f"{user} {user} 1", "ascii")
    Path("/proc/self/gid_map").write_text(f"{group} {group} 1", "ascii")
    _call("mount", None, b"/", None, ctypes.c_ulong(REC | PRIVATE), None)
    read_only = struct.pack("4Q", READ_ONLY, 0, 0, 0)
    _system_call(MOUNT_SETATTR, AT_FDCWD, b"/", AT_RECURSIVE, read_only, len(read_only))
    options = f"size={FOLDER_BYTES},mode=700".encode()
    place = os.fsencode(folder)
    _call("mount", b"tmpfs", place, b"tmpfs", ctypes.c_ulong(NOSUID | NODEV), options)
    # Whoever made the files read-only could undo it: the right to do so is given up.
    _call("prctl", NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    _call("capset", struct.pack("Ii", CAPABILITIES_VERSION, 0), bytes(24))


def _restrict(folder):
    """Give up, by Landlock, the right to write anywhere but in a folder and to ``/dev/null``."""
    version = _system_call(CREATE_RULESET, None, 0, 1)
    if version < TRUNCATE_SINCE:
        raise OSError("Landlock of this kernel lets files be emptied")
    tcp = TCP if version >= TCP_SINCE else 0
    scopes = SIGNALS_AND_SOCKETS if version >= SCOPES_SINCE else 0
    rules = struct.pack("3Q", WRITING, tcp, scopes)
    ruleset = _system_call(CREATE_RULESET, rules, len(rules), 0)
    for path, rights in ((folder, WRITING), (os.devnull, WRITE_FILE)):
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
        _system_call(ADD_RULE, ruleset, 1, struct.pack("=Qi", rights, place), 0)
        os.close(place)
    _call("prctl", NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    _system_call(RESTRICT_SELF, ruleset, 0)
    os.close(ruleset)
