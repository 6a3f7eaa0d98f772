"""The system calls that a sandboxed program may not make, as a BPF program for `bwrap --seccomp`.

New processes, namespaces, mounts, tracing, kernel keys, BPF, io_uring and sockets other than AF_UNIX are refused with
EPERM; threads are allowed. The kernel runs the filter before each system call (man 2 seccomp).
"""

import platform
import struct

_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER, _ARCH, _FIRST_ARGUMENT = 0, 4, 16
_ALLOW, _KILL, _ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
_EPERM, _ENOSYS = 1, 38
_CLONE_THREAD, _AF_UNIX, _X32 = 0x00010000, 1, 0x40000000

_ARCHITECTURES = {"x86_64": (0xC000003E, 0), "aarch64": (0xC00000B7, 1)}

_REFUSED = {  # name: number on x86_64, on aarch64 (None: not there)
    "fork": (57, None), "vfork": (58, None), "ptrace": (101, 117), "personality": (135, 92), "mount": (165, 40),
    "umount2": (166, 39), "pivot_root": (155, 41), "chroot": (161, 51), "unshare": (272, 97), "setns": (308, 268),
    "reboot": (169, 142), "swapon": (167, 224), "swapoff": (168, 225), "init_module": (175, 105),
    "delete_module": (176, 106), "finit_module": (313, 273), "kexec_load": (246, 104), "kexec_file_load": (320, 294),
    "add_key": (248, 217), "request_key": (249, 218), "keyctl": (250, 219), "bpf": (321, 280),
    "perf_event_open": (298, 241), "userfaultfd": (323, 282), "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271), "io_uring_setup": (425, 425), "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427), "open_tree": (428, 428), "move_mount": (429, 429), "fsopen": (430, 430),
    "fsconfig": (431, 431), "fsmount": (432, 432), "pidfd_getfd": (438, 438), "mount_setattr": (442, 442),
    "name_to_handle_at": (303, 264), "open_by_handle_at": (304, 265), "quotactl": (179, 60), "acct": (163, 89),
    "syslog": (103, 116), "settimeofday": (164, 170), "clock_settime": (227, 112), "memfd_create": (319, 279),
    "shmget": (29, 194), "msgget": (68, 186), "semget": (64, 190),
}  # fmt: skip
_CLONE, _CLONE3, _SOCKET = (56, 220), (435, 435), (41, 198)


def seccomp_program() -> bytes | None:
    """The filter for this machine's architecture; None where there is none."""
    if platform.machine() not in _ARCHITECTURES:
        return None
    arch, column = _ARCHITECTURES[platform.machine()]
    lines = [_do(_LOAD, _ARCH), _if(_EQUAL, arch, 1, 0), _do(_RETURN, _KILL), _do(_LOAD, _NUMBER)]
    lines += [_if(_AT_LEAST, _X32, 0, 1), _do(_RETURN, _ERRNO | _EPERM)]
    for numbers in _REFUSED.values():
        if (number := numbers[column]) is not None:
            lines += [_if(_EQUAL, number, 0, 1), _do(_RETURN, _ERRNO | _EPERM)]
    lines += [_if(_EQUAL, _CLONE3[column], 0, 1), _do(_RETURN, _ERRNO | _ENOSYS)]
    lines += [_if(_EQUAL, _CLONE[column], 0, 4), _do(_LOAD, _FIRST_ARGUMENT), _if(_ANY_BIT, _CLONE_THREAD, 1, 0)]
    lines += [_do(_RETURN, _ERRNO | _EPERM), _do(_RETURN, _ALLOW)]
    lines += [_if(_EQUAL, _SOCKET[column], 0, 4), _do(_LOAD, _FIRST_ARGUMENT), _if(_EQUAL, _AF_UNIX, 1, 0)]
    lines += [_do(_RETURN, _ERRNO | _EPERM), _do(_RETURN, _ALLOW)]
    return b"".join([*lines, _do(_RETURN, _ALLOW)])


def _do(code: int, value: int) -> bytes:
    return struct.pack("=HBBI", code, 0, 0, value)


def _if(code: int, value: int, then: int, otherwise: int) -> bytes:
    return struct.pack("=HBBI", code, then, otherwise, value)
