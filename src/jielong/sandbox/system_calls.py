"""The system calls that a sandboxed program may make, as a BPF program: what Python and its library need, and no more.

All others, those that later kernels bring included, are answered "not there" (ENOSYS), so that libraries do without. Of
some, only a few uses are allowed: threads but no processes, sockets in pairs and no others. The kernel runs the filter
before each system call (man 2 seccomp).
"""

import platform
import struct
from collections.abc import Collection

_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER, _ARCH, _ARGUMENTS = 0, 4, 16
_ALLOW, _KILL, _ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
_EPERM, _ENOSYS = 1, 38
_X32 = 0x40000000

_ARCHITECTURES = {"x86_64": (0xC000003E, 0), "aarch64": (0xC00000B7, 1)}

_ALLOWED = {  # name: number on x86_64, on aarch64 (None: not there)
    "read": (0, 63), "write": (1, 64), "readv": (19, 65), "writev": (20, 66), "pread64": (17, 67),
    "pwrite64": (18, 68), "preadv": (295, 69), "pwritev": (296, 70), "preadv2": (327, 286), "pwritev2": (328, 287),
    "lseek": (8, 62), "close": (3, 57), "close_range": (436, 436), "open": (2, None), "creat": (85, None),
    "openat": (257, 56), "dup": (32, 23), "dup2": (33, None), "dup3": (292, 24), "pipe": (22, None),
    "pipe2": (293, 59), "sendfile": (40, 71), "copy_file_range": (326, 285), "fallocate": (285, 47),
    "fadvise64": (221, 223), "fsync": (74, 82), "fdatasync": (75, 83), "sync_file_range": (277, 84),
    "ftruncate": (77, 46), "truncate": (76, 45), "flock": (73, 32), "stat": (4, None), "lstat": (6, None),
    "fstat": (5, 80), "newfstatat": (262, 79), "statx": (332, 291), "statfs": (137, 43), "fstatfs": (138, 44),
    "access": (21, None), "faccessat": (269, 48), "faccessat2": (439, 439), "readlink": (89, None),
    "readlinkat": (267, 78), "getdents": (78, None), "getdents64": (217, 61), "getcwd": (79, 17), "chdir": (80, 49),
    "fchdir": (81, 50), "mkdir": (83, None), "mkdirat": (258, 34), "rmdir": (84, None), "unlink": (87, None),
    "unlinkat": (263, 35), "rename": (82, None), "renameat": (264, 38), "renameat2": (316, 276), "link": (86, None),
    "linkat": (265, 37), "symlink": (88, None), "symlinkat": (266, 36), "umask": (95, 166), "chmod": (90, None),
    "fchmod": (91, 52), "fchmodat": (268, 53), 
    "getxattr": (191, 8), "lgetxattr": (192, 9), "fgetxattr": (193, 10),
    "listxattr": (194, 11), "llistxattr": (195, 12), "flistxattr": (196, 13), "poll": (7, None), "ppoll": (271, 73),
    "select": (23, None), "pselect6": (270, 72), "epoll_create": (213, None), "epoll_create1": (291, 20),
    "epoll_ctl": (233, 21), "epoll_wait": (232, None), "epoll_pwait": (281, 22), "epoll_pwait2": (441, 441),
    "sendto": (44, 206), "recvfrom": (45, 207), "sendmsg": (46, 211), "recvmsg": (47, 212), "shutdown": (48, 210),
    "getsockopt": (55, 209), "getsockname": (51, 204), "getpeername": (52, 205), "brk": (12, 214), "mmap": (9, 222),
    "munmap": (11, 215), "mprotect": (10, 226), "mremap": (25, 216), "madvise": (28, 233), "msync": (26, 227),
    "rt_sigaction": (13, 134), "rt_sigprocmask": (14, 135), "rt_sigreturn": (15, 139), "rt_sigpending": (127, 136),
    "rt_sigtimedwait": (128, 137), "rt_sigsuspend": (130, 133), "sigaltstack": (131, 132), "kill": (62, 129),
    "tkill": (200, 130), "tgkill": (234, 131), "pause": (34, None), "alarm": (37, None), "setitimer": (38, 103),
    "getitimer": (36, 102), "futex": (202, 98), "set_robust_list": (273, 99), "get_robust_list": (274, 100),
    "set_tid_address": (218, 96), "rseq": (334, 293), "membarrier": (324, 283), "sched_yield": (24, 124),
    "sched_getaffinity": (204, 123), "getcpu": (309, 168), "arch_prctl": (158, None), "getpid": (39, 172),
    "getppid": (110, 173), "gettid": (186, 178), "getuid": (102, 174), "geteuid": (107, 175), "getgid": (104, 176),
    "getegid": (108, 177), "getresuid": (118, 148), "getresgid": (120, 150), "getgroups": (115, 158),
    "getpgid": (121, 155), "getpgrp": (111, None), "getsid": (124, 156), "setuid": (105, 146), "setgid": (106, 144),
    "setresuid": (117, 147), "setresgid": (119, 149), "setgroups": (116, 159), "getrlimit": (97, 163),
    "setrlimit": (160, 164), "prlimit64": (302, 261), "getrusage": (98, 165), "times": (100, 153),
    "sysinfo": (99, 179), "uname": (63, 160), "getrandom": (318, 278), "time": (201, None),
    "gettimeofday": (96, 169), "clock_gettime": (228, 113), "clock_getres": (229, 114), "nanosleep": (35, 101),
    "clock_nanosleep": (230, 115), "restart_syscall": (219, 128), "exit": (60, 93), "exit_group": (231, 94),
    "wait4": (61, 260), "waitid": (247, 95), "execve": (59, 221), "clone": (56, 220),
    "socketpair": (53, 199), "ioctl": (16, 29), "fcntl": (72, 25), "prctl": (157, 167),
}  # fmt: skip
_CLONE_THREAD, _NEW_NAMESPACES = 0x00010000, 0x7E020000
_USES = {  # the values that an argument may have, by its position
    "socketpair": (0, (1,)),  # AF_UNIX
    "ioctl": (1, (0x5401, 0x5413, 0x541B, 0x5421, 0x5450, 0x5451)),  # TCGETS TIOCGWINSZ FIONREAD FIONBIO FIO(N)CLEX
    "fcntl": (1, (*range(8), 1030, 1032)),  # descriptors, flags, locks; not who gets a signal
    "prctl": (0, (15, 16, 0x53564D41)),  # names of threads and of memory
    "prlimit64": (0, (0,)),  # its own
}


def allowed(without: Collection[str] = ()) -> bytes | None:
    """The filter for this machine's architecture; None where there is none.

    Times of files are not set by anyone: whoever may write to /dev/null may set the host's.
    """
    if platform.machine() not in _ARCHITECTURES:
        return None
    arch, column = _ARCHITECTURES[platform.machine()]
    lines = [_do(_LOAD, _ARCH), _if(_EQUAL, arch, 1, 0), _do(_RETURN, _KILL), _do(_LOAD, _NUMBER)]
    lines += [_if(_AT_LEAST, _X32, 0, 1), _do(_RETURN, _ERRNO | _ENOSYS)]
    for name, numbers in _ALLOWED.items():
        if (number := numbers[column]) is None or name in without:
            continue
        if name == "clone":
            rule = [_do(_LOAD, _ARGUMENTS), _if(_ANY_BIT, _NEW_NAMESPACES, 1, 0), _if(_ANY_BIT, _CLONE_THREAD, 1, 0)]
            rule += [_do(_RETURN, _ERRNO | _EPERM), _do(_RETURN, _ALLOW)]
        elif name in _USES:
            position, values = _USES[name]
            rule = [_do(_LOAD, _ARGUMENTS + 8 * position)]
            rule += [_if(_EQUAL, value, len(values) - at, 0) for at, value in enumerate(values)]
            rule += [_do(_RETURN, _ERRNO | _EPERM), _do(_RETURN, _ALLOW)]
        else:
            rule = [_do(_RETURN, _ALLOW)]
        lines += [_if(_EQUAL, number, 0, len(rule)), *rule]
    return b"".join([*lines, _do(_RETURN, _ERRNO | _ENOSYS)])


def _do(code: int, value: int) -> bytes:
    return struct.pack("=HBBI", code, 0, 0, value)


def _if(code: int, value: int, then: int, otherwise: int) -> bytes:
    return struct.pack("=HBBI", code, then, otherwise, value)
