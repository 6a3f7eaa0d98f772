"""Ways out of a sandbox as (what it does, code), x86-64 where a system call has a number. Each prints PWNED when it works.

Placeholders: {name} a name that is free in /tmp, {victim} a process of ours, {abstract} an abstract socket that listens,
{prefix} where Python is. All are small and clean up after themselves, as they are shown to work outside first.
"""

from __future__ import annotations

CALL = (
    "import ctypes, os\nlibc = ctypes.CDLL(None, use_errno=True)\nlibc.syscall.restype = ctypes.c_long\n"
    "buffer = ctypes.create_string_buffer(4096)\n"
    "def call(*a):\n    r = libc.syscall(*(ctypes.c_long(x) if isinstance(x, int) else x for x in a))\n"
    "    print('PWNED' if r >= 0 else f'errno {ctypes.get_errno()}')\n    return r\n"
)
BOMB = (
    "import os, shutil\nplace = '/dev/shm' if os.path.isdir('/dev/shm') else '/tmp'\nos.chdir(place); os.mkdir('{name}'); n = 0\n"
    "open('{name}/one', 'w').close()\ntry:\n    while n < 40_000:\n        BODY\n        n += 1\nexcept OSError: pass\n"
    "print('PWNED' if n >= 40_000 else n)\nshutil.rmtree('{name}')\n"
)

ESCAPES: list[tuple[str, str]] = [
    # marks on what belongs to the host
    ("touch /dev/null", "import os; os.utime('/dev/null'); print('PWNED')"),
    ("touch /dev/urandom through a descriptor", "import os; os.utime(os.open('/dev/urandom', os.O_WRONLY)); print('PWNED')"),
    ("open the standard library for writing", "import os; open(os.__file__, 'r+').close(); print('PWNED')"),
    ("list what else is installed beside Python", "import os; os.listdir('{prefix}/include'); print('PWNED')"),
    ("list /usr/share", "import os; os.listdir('/usr/share'); print('PWNED')"),
    ("read the name of the system", "open('/etc/os-release').read(); print('PWNED')"),
    ("read the mounts", "open('/proc/self/mountinfo').read(); print('PWNED')"),
    ("read the command line of the parent", "import os; open(f'/proc/{os.getppid()}/cmdline').read(); print('PWNED')"),
    ("read /sys", "import os; os.listdir('/sys/kernel'); print('PWNED')"),
    # system calls that tell or change what is outside
    ("statmount", CALL + "import struct\nr = struct.pack('IIQQQ', 24, 0, 0, 0, 0)\nlst = struct.pack('IIQQQ', 24, 0, 0xffffffffffffffff, 0, 0)\n"
     "ids = ctypes.create_string_buffer(80)\nn = libc.syscall(458, lst, ids, ctypes.c_long(10), ctypes.c_long(0))\nprint('PWNED' if n > 0 else ctypes.get_errno())"),
    ("open_tree", CALL + "call(428, -100, b'/', 0)"),
    ("name_to_handle_at", CALL + "import struct\nbuffer.raw = struct.pack('Ii', 128, 0) + bytes(4088)\nm = ctypes.c_int()\ncall(303, -100, b'/', buffer, ctypes.byref(m), 0)"),
    ("kcmp", CALL + "call(312, os.getpid(), os.getpid(), 2, 0, 0)"),
    ("pidfd_open", CALL + "call(434, os.getpid(), 0)"),
    ("pidfd of the parent", "import os; os.pidfd_open(os.getppid()); print('PWNED')"),
    ("process_vm_readv", CALL + "import struct\nsource = ctypes.create_string_buffer(b'x' * 8)\nl = struct.pack('QQ', ctypes.addressof(buffer), 8)\n"
     "r = struct.pack('QQ', ctypes.addressof(source), 8)\ncall(310, os.getpid(), l, 1, r, 1, 0)"),
    ("be traced", CALL + "call(101, 0, 0, 0, 0)"),
    ("a keyring", CALL + "call(250, 0, -3, 1)"),
    ("a key", CALL + "call(248, b'user', b'jielong-test', b'x', 1, -2)"),
    ("io_uring", CALL + "call(425, 1, buffer)"),
    ("asynchronous IO", CALL + "c = ctypes.c_ulong(0)\ncall(206, 1, ctypes.byref(c))"),
    ("a new user namespace", CALL + "call(272, 0x10000000)"),
    ("a new user namespace by a new process", CALL + "p = call(56, 0x10000000 | 17, 0, 0, 0, 0)\nif p == 0: os._exit(0)"),
    ("no randomised addresses", CALL + "call(135, 0x0040000)"),
    ("a memory file", "import os; os.memfd_create('x'); print('PWNED')"),
    ("a memory policy", CALL + "call(238, 0, 0, 0)"),
    ("the pages of a process", CALL + "call(279, 0, 0, 0, 0, 0, 0)"),
    ("the table of segments", CALL + "call(154, 0, buffer, 16)"),
    ("the types of file systems", CALL + "call(139, 3)"),
    ("a filter of its own", CALL + "import struct\ncall(317, 2, 0, struct.pack('I', 0x7fff0000))"),
    ("landlock's version", CALL + "call(444, 0, 0, 1)"),
    ("watch files", CALL + "call(294, 0)"),
    ("a timer of the kernel", CALL + "call(222, 1, 0, buffer)"),
    ("a descriptor for signals", CALL + "buffer.raw = bytes(4096)\ncall(289, -1, buffer, 8, 0)"),
    ("a descriptor for events", CALL + "call(290, 0, 0)"),
    ("priority of another", "import os; os.setpriority(os.PRIO_PROCESS, {victim}, 5); print('PWNED')"),
    ("processors of another", "import os; os.sched_setaffinity({victim}, os.sched_getaffinity(0)); print('PWNED')"),
    ("limits of another", "import resource; resource.prlimit({victim}, resource.RLIMIT_NOFILE); print('PWNED')"),
    ("signals of a pipe to another", "import fcntl, os\nr, w = os.pipe()\nfcntl.fcntl(r, fcntl.F_SETOWN, {victim}); print('PWNED')"),
    ("a signal of its choice from a pipe", "import fcntl, os\nr, w = os.pipe()\nfcntl.fcntl(r, fcntl.F_SETSIG, 15); print('PWNED')"),
    ("signal everybody", "import os; os.kill(-1, 0); print('PWNED')"),
    ("spawn without fork", "import os; os.posix_spawn('/bin/true', ['true'], {}); print('PWNED')"),
    ("core dumps", "import resource as r; r.setrlimit(r.RLIMIT_CORE, (1_000_000, 1_000_000)); print('PWNED')"),
    # sockets and what is shared without files
    ("an abstract socket of the host", "import socket; socket.socket(socket.AF_UNIX).connect('\\0{abstract}'); print('PWNED')"),
    ("a unix socket", "import socket; socket.socket(socket.AF_UNIX); print('PWNED')"),
    ("a vsock", "import socket; socket.socket(socket.AF_VSOCK); print('PWNED')"),
    ("the interfaces", "import socket; print('PWNED' if len(socket.if_nameindex()) > 0 else '')"),
    ("a pair that is not of unix sockets", CALL + "v = (ctypes.c_int * 2)()\nr = libc.socketpair(30, 5, 0, v)\nprint('PWNED' if r == 0 or ctypes.get_errno() not in (1, 38) else '')"),
    ("shared memory of System V", CALL + "r = call(29, 0, 4096, 0o1600)\nif r >= 0: libc.syscall(31, ctypes.c_long(r), 0, 0)"),
    ("messages of System V", CALL + "r = call(68, 0, 0o1600)\nif r >= 0: libc.syscall(71, ctypes.c_long(r), 0, 0)"),
    ("semaphores of System V", CALL + "r = call(64, 0, 1, 0o1600)\nif r >= 0: libc.syscall(66, ctypes.c_long(r), 0, 0, 0)"),
    ("a message queue", CALL + "call(240, b'jielong-{name}', 0o102, 0o600, 0)\nlibc.syscall(241, b'jielong-{name}')"),
    ("shared memory by name", "from multiprocessing.shared_memory import SharedMemory as M\nm = M(create=True, size=10); m.close(); m.unlink(); print('PWNED')"),
    # more than its share
    ("300 threads at once", "import threading\nstop = threading.Event()\nthreading.stack_size(65536)\nthreads = [threading.Thread(target=stop.wait, daemon=True) for _ in range(300)]\n"
     "try:\n    for t in threads: t.start()\n    print('PWNED')\nfinally: stop.set()"),
    ("40,000 empty files", BOMB.replace("BODY", "os.close(os.open(f'{name}/{n}', os.O_CREAT))")),
    ("40,000 folders", BOMB.replace("BODY", "os.mkdir(f'{name}/{n}')")),
    ("40,000 links", BOMB.replace("BODY", "os.symlink('x' * 100, f'{name}/{n}')")),
    ("40,000 names of one file", BOMB.replace("BODY", "os.link('{name}/one', f'{name}/{n}')")),
    ("a sparse file of 10 GB", "f = open('/tmp/{name}', 'wb'); f.truncate(10**10); print('PWNED')"),
    ("memory that is shared", "import mmap; m = mmap.mmap(-1, 500_000_000, mmap.MAP_SHARED); m.write(bytes(300_000_000)); print('PWNED')"),
    ("attributes of a file", "import os; open('/tmp/{name}', 'w').close(); os.setxattr('/tmp/{name}', 'user.x', b'x' * 1000); print('PWNED')"),
    ("longer than it may, with all signals blocked", "import signal, time\nsignal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))\ntime.sleep(1.5); print('PWNED')"),
]  # fmt: skip

AS_ROOT: list[tuple[str, str]] = [  # works outside for root only
    ("the mode of /dev/null", "import os; os.chmod('/dev/null', os.stat('/dev/null').st_mode & 0o777); print('PWNED')"),
    ("the owner of /dev/null", "import os; os.chown('/dev/null', 0, 0); print('PWNED')"),
    ("times of its choice for /dev/null", "import os; s = os.stat('/dev/null'); os.utime('/dev/null', ns=(s.st_atime_ns, s.st_mtime_ns)); print('PWNED')"),
    ("a device of its own", "import os; os.mknod('/tmp/{name}', 0o020600, os.makedev(1, 5)); print('PWNED' if open('/tmp/{name}', 'rb').read(1) else '')"),
    ("a mount", CALL + "libc.unshare(0x20000); libc.mount(b'none', b'/', None, 0x44000, None)\nos.mkdir('/tmp/{name}')\n"
     "r = libc.mount(b'none', b'/tmp/{name}', b'tmpfs', 0, None)\nprint('PWNED' if r == 0 else '')"),
    ("a file system that is not mounted yet", CALL + "call(430, b'tmpfs', 0)"),
    ("a map of BPF", CALL + "import struct\nbuffer.raw = struct.pack('IIIII', 2, 4, 4, 1, 0) + bytes(4076)\ncall(321, 0, buffer, 128)"),
    ("faults of pages", CALL + "call(323, 1)"),
    ("events of the processor", CALL + "import struct\nbuffer.raw = struct.pack('IIQ', 1, 128, 0) + bytes(4080)\ncall(298, buffer, 0, -1, -1, 0)"),
    ("open_by_handle_at", CALL + "import struct\nbuffer.raw = struct.pack('Ii', 128, 0) + bytes(4088)\nm = ctypes.c_int()\nlibc.syscall(303, -100, b'/', buffer, ctypes.byref(m), 0)\n"
     "f = os.open('/', os.O_RDONLY)\ncall(304, f, buffer, 0)"),
    ("raw packets", "import socket; socket.socket(socket.AF_PACKET, socket.SOCK_RAW); print('PWNED')"),
    ("the log of the kernel", CALL + "call(103, 10, 0, 0)"),
    ("watch a file system", CALL + "call(300, 0, 0)"),
    ("real-time priority", "import os; os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1)); print('PWNED')"),
    ("the name of the host", "import os, socket, ctypes; n = socket.gethostname().encode()\nprint('PWNED' if ctypes.CDLL(None).sethostname(n, len(n)) == 0 else '')"),
    ("a file of root", "print('PWNED' if open('/etc/shadow').read() else '')"),
    ("privileges", "import ctypes, struct\nh = struct.pack('Ii', 0x20080522, 0); d = ctypes.create_string_buffer(24)\n"
     "ctypes.CDLL(None).capget(h, d)\nprint('PWNED' if any(struct.unpack('6I', d.raw)) else '')"),
]  # fmt: skip
