"""What the container tests run: the argument DO says what."""

import glob
import os
import signal
import socket
import sys
import time

DO = os.environ.get("DO", "enrich")


def copy():
    import pandas

    for path in sorted(glob.glob("/data/input/*.parquet.gz")):
        table = pandas.read_parquet(path)
        table["x_seen"] = ["%s by %s" % (os.environ.get("LABEL", "seen"), name) for name in table["name"]]
        table.to_parquet(path.replace("input", "output"), compression="gzip")


def show(text):
    with open("/data/display/ret.html", "w", encoding="utf-8") as handle:
        handle.write(text)


def attempts():
    """Tries what a container may not do and shows what came of it."""
    said = []

    def tried(what, function):
        try:
            function()
            said.append("%s: done" % what)
        except OSError as error:
            said.append("%s: %s" % (what, type(error).__name__ + " " + os.strerror(error.errno or 0)))

    def connect():
        socket.create_connection(("192.0.2.1", 80), timeout=3).close()

    def write(path):
        with open(path, "w", encoding="utf-8") as handle:
            handle.write("x")

    tried("connect", connect)
    tried("write to the root", lambda: write("/opt/analytics/x"))
    tried("write to the input", lambda: write("/data/input/0.parquet.gz"))
    tried("write to /tmp", lambda: write("/tmp/x"))
    tried("become another user", lambda: os.setuid(65534))
    tried("read the memory of the machine", lambda: os.open("/dev/mem", os.O_RDONLY))
    interfaces = sorted(name for _, name in socket.if_nameindex())
    said.append("interfaces: %s" % ", ".join(interfaces))
    with open("/proc/self/status", encoding="ascii") as handle:
        for line in handle:
            if line.startswith(("CapEff", "NoNewPrivs")):
                said.append(" ".join(line.split()))
    show("<br>".join(said))


def fork_bomb():
    started = 0
    try:
        while started < 5000:
            if os.fork() == 0:
                time.sleep(60)
                os._exit(0)
            started += 1
    except OSError as error:
        print("fork failed after %s" % ("some" if started < 1000 else "too many"), error.strerror)
        sys.exit(4)


if DO == "enrich":
    copy()
elif DO == "show":
    show("<p>%s</p>" % os.environ.get("LABEL", ""))
elif DO == "attempts":
    attempts()
elif DO == "eat":
    kept = [bytearray(b"x" * (1 << 20)) for _ in range(4096)]
elif DO == "sleep":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    print("sleeping", flush=True)
    time.sleep(120)
elif DO == "damage":
    with open("/data/output/0.parquet.gz", "wb") as handle:
        handle.write(b"PAR1 this is no table PAR1")
elif DO == "fork":
    fork_bomb()
elif DO == "flood":
    for n in range(300000):
        print("line", n, "\x1b[31m")
    sys.exit(5)
elif DO == "bytes":
    sys.stdout.buffer.write(b"caf\xe9 \xff\n")
    sys.exit(6)
else:
    print("nothing to do for %s" % DO)
