#!/usr/bin/env python3
"""Times the standard hunts as whole processes, ours and peers in turn, and prints a table.

    cargo build --release -p kestrel-session -p kestrel-fixtures
    python3 benches/compare.py --ours 'target/release/kestrel-run --no-cache {hunt}' \\
        --fixtures target/release/kestrel-fixtures --sizes 1000,10000,100000 [--format jsonl] \\
        [--peer 'reference=PATH/kestrel {filehunt}'] [--peer 'duckdb=duckdb -csv -f DIR/{name}.sql']

{hunt} is the huntflow with the bundle filled in, {filehunt} the same with file:// instead of
stixbundle:// (Kestrel 1.8 wants that), {name} the hunt's name, {bundle} the bundle's path.
Figures are medians of --runs runs after one warm-up: wall and CPU seconds, peak memory in MiB;
ratios are medians of peer/ours, pair by pair. Growth is the ratio to the size before.
"""

import argparse
import os
import shlex
import statistics
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
HUNTS = ["start-up", "single-get", "single-get-many", "tracking", "ten-gets", "aggregate"]


def measure(command, cwd, timeout):
    """Runs a command; returns wall seconds, CPU seconds, peak MiB and its exit status."""
    start = time.perf_counter()
    child = subprocess.Popen(shlex.split(command), cwd=cwd, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = start + timeout
    while True:
        pid, status, usage = os.wait4(child.pid, os.WNOHANG)
        if pid:
            break
        if time.perf_counter() > deadline:
            child.kill()
            os.wait4(child.pid, 0)
            child.returncode = -9
            return None
        time.sleep(0.002)
    child.returncode = os.waitstatus_to_exitcode(status)
    wall = time.perf_counter() - start
    return wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, child.returncode


def hunt_files(name, bundle, work):
    with open(os.path.join(HERE, "hunts", name + ".hf"), encoding="utf-8") as handle:
        text = handle.read().replace("BUNDLE", bundle)
    paths = {}
    for key, body in (("hunt", text), ("filehunt", text.replace("stixbundle://", "file://"))):
        paths[key] = os.path.join(work, f"{name}-{key}.hf")
        with open(paths[key], "w", encoding="utf-8") as handle:
            handle.write(body)
    return paths


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--ours", required=True)
    parser.add_argument("--fixtures", required=True, help="the kestrel-fixtures binary, which makes the bundles")
    parser.add_argument("--peer", action="append", default=[], metavar="NAME=COMMAND")
    parser.add_argument("--sizes", default="1000,10000,100000")
    parser.add_argument("--format", default="json", choices=["json", "jsonl"])
    parser.add_argument("--hunts", default=",".join(HUNTS))
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--timeout", type=float, default=1200)
    parser.add_argument("--work", default="/tmp/kestrel-bench")
    options = parser.parse_args()
    os.makedirs(options.work, exist_ok=True)
    peers = [peer.split("=", 1) for peer in options.peer]
    names = ["ours"] + [name for name, _ in peers]
    load = os.getloadavg()[0]
    print(f"{os.cpu_count()} cores, load {load:.1f}, {options.runs} runs, {options.format}\n")
    print("| hunt | observations | bundle MB | who | wall s | CPU s | peak MiB | growth | ratio to ours |")
    print("|---|---|---|---|---|---|---|---|---|")
    failed = False
    before = {}
    for size in [int(size) for size in options.sizes.split(",")]:
        bundle = os.path.join(options.work, f"b{size}.{options.format}")
        if not os.path.exists(bundle):
            subprocess.run([options.fixtures, "generate", "--observations", str(size), "--hosts", "10", "--seed", "1",
                            "--stix", "2.0", "--format", options.format, "--out", bundle], check=True)
        megabytes = os.path.getsize(bundle) / 1e6
        for hunt in options.hunts.split(","):
            places = {"name": hunt, "bundle": bundle, **hunt_files(hunt, bundle, options.work)}
            commands = [options.ours.format(**places)] + [command.format(**places) for _, command in peers]
            runs = {name: [] for name in names}
            for n in range(options.runs + 1):
                for name, command in zip(names, commands):
                    result = measure(command, None, options.timeout)
                    # The first round only warms caches.
                    if n > 0:
                        runs[name].append(result)
            for name in names:
                good = [run for run in runs[name] if run and run[3] == 0]
                if len(good) < len(runs[name]):
                    failed = True
                    print(f"| {hunt} | {size:,} | {megabytes:.1f} | {name} | failed or over {options.timeout:.0f} s | | | | |")
                    continue
                wall, cpu, peak = (statistics.median(run[k] for run in good) for k in range(3))
                growth = f"{wall / before[hunt, name]:.1f}×" if (hunt, name) in before else ""
                before[hunt, name] = wall
                ratio = ""
                if name != "ours" and all(runs["ours"]):
                    ratio = f"{statistics.median(a[0] / b[0] for a, b in zip(runs[name], runs['ours'])):.1f}×"
                print(f"| {hunt} | {size:,} | {megabytes:.1f} | {name} | {wall:.3f} | {cpu:.3f} | {peak:.0f} | {growth} | {ratio} |",
                      flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
