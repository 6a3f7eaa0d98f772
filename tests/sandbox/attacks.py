"""Attacks as (class, name, code). Each prints PWNED when it got what it wanted.

Placeholders: {secret} a readable file that holds "canary", {folder} a writable folder, {port} a listener on loopback,
{victim} a process id, {marker} a file that does not exist yet. Every attack is bounded: it works in a second or two
and takes no more than a few hundred megabytes.
"""

from __future__ import annotations

LIBC = "import ctypes, os; libc = ctypes.CDLL(None, use_errno=True)\n"
LATER = "import time\nfor _ in range(60):\n    time.sleep(0.05)\n"

ATTACKS: list[tuple[str, str, str]] = [
    # files: read what belongs to the host
    ("files", "open", "print('PWNED' if 'canary' in open('{secret}').read() else '')"),
    ("files", "os_open", "import os; f = os.open('{secret}', 0); print('PWNED' if b'canary' in os.read(f, 99) else '')"),
    ("files", "passwd", "print('PWNED' if 'root:' in open('/etc/passwd').read() else '')"),
    ("files", "listdir", "import os; print('PWNED' if os.listdir('{folder}') else '')"),
    ("files", "walk_root", "import os; print('PWNED' if {{'home', 'var', 'proc'}} & set(os.listdir('/')) else '')"),
    ("files", "dotdot", "print('PWNED' if 'canary' in open('../../../../../../..{secret}').read() else '')"),
    ("files", "hosts", "print('PWNED' if 'localhost' in open('/etc/hosts').read() else '')"),
    ("files", "site_packages", "import glob, sysconfig; p = sysconfig.get_path('stdlib') + '/site-packages'\n"
     "print('PWNED' if glob.glob(p + '/*') else '')"),
    # writes: change the host
    ("writes", "create", "open('{folder}/new', 'w').write('x'); print('PWNED')"),
    ("writes", "append", "open('{secret}', 'a').write('x'); print('PWNED')"),
    ("writes", "rename", "import os; os.rename('{secret}', '{secret}.x'); os.rename('{secret}.x', '{secret}'); print('PWNED')"),
    ("writes", "mkdir_root", "import os; os.mkdir('{folder}/d'); print('PWNED')"),
    ("writes", "chmod", "import os; os.chmod('{secret}', 0o644); print('PWNED')"),
    ("writes", "stdlib", "import os, tempfile; p = os.path.join('{folder}', 'lib.py'); open(p, 'w').write('x'); print('PWNED')"),
    # network
    ("network", "connect", "import socket; socket.create_connection(('127.0.0.1', {port}), 2); print('PWNED')"),
    ("network", "connect_raw_socket", "import socket; s = socket.socket(); s.connect(('127.0.0.1', {port})); print('PWNED')"),
    ("network", "udp", "import socket; s = socket.socket(type=socket.SOCK_DGRAM); s.sendto(b'x', ('127.0.0.1', {port})); print('PWNED')"),
    ("network", "listen", "import socket; s = socket.socket(); s.bind(('127.0.0.1', 0)); s.listen(); print('PWNED')"),
    ("network", "http", "import http.client; c = http.client.HTTPConnection('127.0.0.1', {port}, timeout=2); c.connect(); print('PWNED')"),
    ("network", "resolve", "import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); print('PWNED')"),
    ("network", "netlink", "import socket; socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0); print('PWNED')"),
    # processes
    ("processes", "fork", "import os\nif os.fork() == 0: os._exit(0)\nos.wait(); print('PWNED')"),
    ("processes", "fork_many", "import os\nfor _ in range(30):\n    if os.fork() == 0: os._exit(0)\nprint('PWNED')"),
    ("processes", "subprocess", "import subprocess; subprocess.run(['/bin/true']); print('PWNED')"),
    ("processes", "system", "import os; print('PWNED' if os.system('true') == 0 else '')"),
    ("processes", "spawn", "import os; print('PWNED' if os.spawnv(os.P_WAIT, '/bin/true', ['true']) == 0 else '')"),
    ("processes", "multiprocessing", "import multiprocessing as m\nif __name__ == '__main__':\n    c = m.get_context('fork')\n"
     "    p = c.Process(target=print); p.start(); p.join(); print('PWNED')"),
    ("processes", "exec_shell", "import os\nos.execv('/bin/sh', ['sh', '-c', 'echo PWNED'])"),
    ("processes", "vfork", LIBC + "p = libc.syscall(57)\nif p == 0: os._exit(0)\nprint('PWNED' if p > 0 else '')"),
    # memory (the limit is 256 MB)
    ("memory", "list", "x = bytearray(500_000_000); print('PWNED')"),
    ("memory", "grow", "x = []\nfor _ in range(50): x.append(bytearray(10_000_000))\nprint('PWNED')"),
    ("memory", "mmap", "import mmap; m = mmap.mmap(-1, 500_000_000); print('PWNED')"),
    ("memory", "text", "x = 'a' * 500_000_000; print('PWNED')"),
    # signals to others
    ("signals", "kill_victim", "import os; os.kill({victim}, 0); print('PWNED')"),
    ("signals", "stop_victim", "import os, signal; os.kill({victim}, signal.SIGCONT); print('PWNED')"),
    ("signals", "kill_parent", "import os; print('PWNED' if os.getppid() > 2 else '')"),
    ("signals", "group", "import os; print('PWNED' if os.getpgid({victim}) else '')"),
    # /proc
    ("proc", "own_maps", "print('PWNED' if open('/proc/self/maps').read() else '')"),
    ("proc", "victim_command", "print('PWNED' if open('/proc/{victim}/cmdline').read() else '')"),
    ("proc", "environ", "print('PWNED' if open('/proc/{victim}/status').read() else '')"),
    ("proc", "list", "import os; print('PWNED' if [p for p in os.listdir('/proc') if p.isdigit()] else '')"),
    ("proc", "root_link", "import os; print('PWNED' if os.path.exists('/proc/{victim}/root') or os.listdir('/proc/{victim}') else '')"),
    ("proc", "kernel", "print('PWNED' if open('/proc/version').read() else '')"),
    # environment
    ("environment", "variable", "import os; print('PWNED' if os.environ.get('CANARY_KEY') else '')"),
    ("environment", "getenv", LIBC + "libc.getenv.restype = ctypes.c_char_p; print('PWNED' if libc.getenv(b'CANARY_KEY') else '')"),
    ("environment", "user_site", "import os; print('PWNED' if os.environ.get('PATH') else '')"),
    ("environment", "hostname", "import socket; print('PWNED' if socket.gethostname() == '{host}' else '')"),
    ("environment", "working_folder", "import os; print('PWNED' if os.getcwd() == '{folder}' else '')"),
    # symlinks
    ("symlinks", "link_out", "import os; os.symlink('{secret}', '/tmp/{name}'); print('PWNED' if 'canary' in open('/tmp/{name}').read() else '')"),
    ("symlinks", "link_folder", "import os; os.symlink('{folder}', '/tmp/{name}f'); print('PWNED' if os.listdir('/tmp/{name}f') else '')"),
    ("symlinks", "hard_link", "import os; os.link('{secret}', '{folder}/hard'); print('PWNED')"),
    ("symlinks", "private_tmp", "import os; print('PWNED' if os.path.exists('{tmp_secret}') else '')"),
    # floods (the limits: 200 kB of output, 16 MB of files)
    ("floods", "stdout", "import sys\nsys.stdout.write('x' * 1_000_000); sys.stdout.flush(); print('PWNED')"),
    ("floods", "stderr", "import sys\nsys.stderr.write('x' * 1_000_000); sys.stderr.flush(); print('PWNED')"),
    ("floods", "lines", "for _ in range(300_000): print(_)\nprint('PWNED')"),
    ("floods", "disk", "f = open('/tmp/{name}big', 'wb')\nfor _ in range(64): f.write(bytes(1_000_000))\nf.close(); print('PWNED')"),
    ("floods", "many_files", "for i in range(64): open(f'/tmp/{name}{{i}}', 'wb').write(bytes(1_000_000))\nprint('PWNED')"),
    ("floods", "descriptors", "import os; x = [os.dup(1) for _ in range(200)]; print('PWNED')"),
    # loops (the limit is 1 s)
    ("loops", "busy", "import time\nt = time.time()\nwhile time.time() - t < 2: pass\nprint('PWNED')"),
    ("loops", "sleep", "import time; time.sleep(2); print('PWNED')"),
    ("loops", "signals_ignored", "import signal, time\nfor s in (1, 2, 3, 15): signal.signal(s, signal.SIG_IGN)\ntime.sleep(2); print('PWNED')"),
    ("loops", "stdin", "import sys, time; sys.stdin.read(); time.sleep(2); print('PWNED')"),
    ("loops", "thread", "import threading, time\nt = threading.Thread(target=time.sleep, args=(2,)); t.start(); t.join(); print('PWNED')"),
    # introspection: through the interpreter to the host
    ("introspection", "subclasses", "p = [c for c in ().__class__.__base__.__subclasses__() if c.__name__ == 'Quitter']\n"
     "import subprocess; subprocess.Popen(['/bin/true']).wait(); print('PWNED')"),
    ("introspection", "ctypes_open", LIBC + "f = libc.open(b'{secret}', 0); print('PWNED' if f >= 0 else '')"),
    ("introspection", "ctypes_system", LIBC + "print('PWNED' if libc.system(b'true') == 0 else '')"),
    ("introspection", "frames", "import sys; f = sys._getframe(); o = f.f_builtins['open']; print('PWNED' if 'canary' in o('{secret}').read() else '')"),
    ("introspection", "raise_limits", "import resource as r; r.setrlimit(r.RLIMIT_NOFILE, (100, 100)); r.setrlimit(r.RLIMIT_AS, (r.RLIM_INFINITY,) * 2)\n"
     "x = bytearray(400_000_000); print('PWNED')"),
    ("introspection", "inherited_descriptors", "import os\nfor f in range(3, 64):\n    try:\n        if b'canary' in os.pread(f, 99, 0): print('PWNED')\n    except OSError: pass"),
    # devices and left-over processes
    ("devices", "shm", "open('/dev/shm/{name}', 'w').write('x'); print('PWNED')"),
    ("devices", "zero", "print('PWNED' if open('/dev/zero', 'rb').read(4) else '')"),
    ("devices", "list", "import os; print('PWNED' if len(os.listdir('/dev')) > 3 else '')"),
    ("left_over", "daemon", "import os, time\nif os.fork() == 0:\n    os.setsid()\n    time.sleep(0.4); open('{marker}', 'w').write('x'); os._exit(0)\nprint('PWNED')"),
    ("left_over", "double_fork", "import os, time\nif os.fork() == 0:\n    if os.fork() == 0:\n        time.sleep(0.2)\n    os._exit(0)\nprint('PWNED')"),
    ("left_over", "thread_after_end", "import threading, time\nt = threading.Thread(target=lambda: (time.sleep(0.3), open('{marker}2', 'w').write('x')))\nt.start(); t.join(); import os; print('PWNED' if os.path.exists('{marker}2') else '')"),
]  # fmt: skip

AS_ROOT = [  # things that succeed unsandboxed only for root
    ("privileges", "chroot", "import os; os.chroot('/'); print('PWNED')"),
    ("privileges", "setuid", "import os; os.setuid(12345); print('PWNED')"),
    ("privileges", "nice", "import os; os.nice(-5); print('PWNED')"),
    ("privileges", "unshare", LIBC + "print('PWNED' if libc.unshare(0x04000000) == 0 else '')"),
    ("privileges", "chown", "import os; os.chown('{secret}', 0, 0); print('PWNED')"),
    ("privileges", "read_shadow", "print('PWNED' if open('/etc/shadow').read() else '')"),
]  # fmt: skip
