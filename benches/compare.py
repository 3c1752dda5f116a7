#!/usr/bin/env python3
"""Times the standard hunts as whole processes, ours and peers in turn, and prints a table.

    cargo build --release -p kestrel-session -p kestrel-fixtures
    python3 benches/compare.py --ours 'target/release/kestrel-run --no-cache {hunt}' \\
        --fixtures target/release/kestrel-fixtures --sizes 1000,10000,100000 [--format jsonl] \\
        [--peer 'reference=PATH/kestrel {filehunt}'] [--peer 'duckdb=PATH/duckdb -csv -f {sql}']

{hunt} is the huntflow with the bundle filled in, {filehunt} the same with file:// instead of
stixbundle:// (Kestrel 1.8 wants that), {sql} what a person would write by hand for the hunt
(benches/sql; hunts without it are run without that peer), {name} the hunt's name, {bundle} the
bundle's path. Figures are medians of --runs runs after --warm-up runs: wall and CPU seconds, peak memory in MiB;
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


FIELDS = """type VARCHAR, name VARCHAR, pid BIGINT, x_unique_id VARCHAR, command_line VARCHAR, parent_ref VARCHAR,
  opened_connection_refs VARCHAR[], src_ref VARCHAR, dst_ref VARCHAR, src_port INTEGER, dst_port INTEGER, value VARCHAR"""
RECORD = f"type VARCHAR, id VARCHAR, first_observed TIMESTAMP, objects MAP(VARCHAR, STRUCT({FIELDS}))"


def sql_file(name, bundle, form, work):
    """Writes the hand-written SQL of a hunt for this bundle; returns its path, none if there is none."""
    hunt = os.path.join(HERE, "sql", name + ".sql")
    if not os.path.exists(hunt):
        return None
    if form == "json":
        columns = "{objects: 'STRUCT(" + RECORD + ")[]'}"
        records = (f"(SELECT unnest(objects, max_depth := 2) FROM read_json('{bundle}', format='unstructured', records=true, "
                   f"maximum_object_size=2000000000, columns={columns}))")
    else:
        columns = ", ".join(f"{c}: '{t}'" for c, t in (("type", "VARCHAR"), ("id", "VARCHAR"), ("first_observed", "TIMESTAMP")))
        records = f"read_ndjson('{bundle}', columns={{{columns}, objects: 'MAP(VARCHAR, STRUCT({FIELDS}))'}})"
    with open(os.path.join(HERE, "sql", "load.sql"), encoding="utf-8") as handle:
        text = handle.read().replace("RECORDS", records)
    with open(hunt, encoding="utf-8") as handle:
        text += handle.read()
    path = os.path.join(work, f"{name}-{form}.sql")
    with open(path, "w", encoding="utf-8") as handle:
        handle.write(text)
    return path


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--ours", required=True)
    parser.add_argument("--fixtures", required=True, help="the kestrel-fixtures binary, which makes the bundles")
    parser.add_argument("--peer", action="append", default=[], metavar="NAME=COMMAND")
    parser.add_argument("--sizes", default="1000,10000,100000")
    parser.add_argument("--format", default="json", choices=["json", "jsonl"])
    parser.add_argument("--hunts", default=",".join(HUNTS))
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--warm-up", type=int, default=1)
    parser.add_argument("--timeout", type=float, default=1200)
    parser.add_argument("--work", default="/tmp/kestrel-bench")
    options = parser.parse_args()
    os.makedirs(options.work, exist_ok=True)
    peers = [peer.split("=", 1) for peer in options.peer]
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
            sql = sql_file(hunt, bundle, options.format, options.work)
            places = {"name": hunt, "bundle": bundle, "sql": sql, **hunt_files(hunt, bundle, options.work)}
            commands = {"ours": options.ours.format(**places)}
            commands |= {name: command.format(**places) for name, command in peers if sql or "{sql}" not in command}
            runs = {name: [] for name in commands}
            for n in range(options.runs + options.warm_up):
                for name, command in commands.items():
                    result = measure(command, None, options.timeout)
                    # The first rounds only warm caches.
                    if n >= options.warm_up:
                        runs[name].append(result)
            for name in commands:
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
