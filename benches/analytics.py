#!/usr/bin/env python3
"""Times a Python analytic over a large variable, and the same script over a parquet file alone.

    cargo build --release -p kestrel-session
    python3 benches/analytics.py --ours target/release/kestrel-run [--rows 200000] [--runs 5]

With APPLY: a hunt that loads the variable, applies the analytic and asks for what it added, less
the same hunt without the two last steps. Alone: a Python that reads the parquet file, calls the
function and writes the result. Both start an interpreter and import pandas and pyarrow. Prints
medians, and the ratio of the two; exits with 1 when it is above --most (2 by default).
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time

MODULE = '''
def analytics(procs):
    procs["x_length"] = procs["command_line"].str.len()
    procs["x_score"] = [(len(line) * 7 + pid) % 101 for line, pid in zip(procs["command_line"], procs["pid"])]
    procs["x_label"] = ["high" if score > 90 else None for score in procs["x_score"]]
    return procs
'''
ALONE = '''
import sys, pandas
sys.path.insert(0, sys.argv[3])
from score import analytics
analytics(pandas.read_parquet(sys.argv[1])).to_parquet(sys.argv[2], compression="gzip")
'''
MAKE = '''
import sys, pandas
rows = int(sys.argv[2])
pandas.DataFrame({
    "type": "process",
    "name": ["p%d.exe" % (n % 500) for n in range(rows)],
    "pid": range(1, rows + 1),
    "command_line": ["C:\\\\\\\\bin\\\\\\\\p%d.exe -k group%d --number %d" % (n % 500, n % 37, n) for n in range(rows)],
    "cwd": ["C:\\\\\\\\Users\\\\\\\\u%d" % (n % 100) for n in range(rows)],
    "x_unique_id": ["{%08x-0000}" % n for n in range(rows)],
    "x_host": ["host-%d" % (n % 1000) for n in range(rows)],
}).to_parquet(sys.argv[1])
'''
CONFIG = '[analytics.python.score]\nmodule = "score.py"\nfunc = "analytics"\n'


def timed(command, folder):
    start = time.perf_counter()
    done = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    wall = time.perf_counter() - start
    if done.returncode != 0:
        sys.exit("failed: %s\n%s" % (" ".join(command), done.stderr.decode("utf-8", "replace")[-2000:]))
    return wall, done.stdout.decode("utf-8", "replace")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--ours", required=True, help="kestrel-run, a release build")
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--most", type=float, default=2.0, help="largest ratio that is no failure")
    parser.add_argument("--python", default=os.environ.get("KESTREL_PYTHON", sys.executable))
    given = parser.parse_args()
    ours = os.path.abspath(given.ours)
    with tempfile.TemporaryDirectory(prefix="kestrel-bench-") as folder:
        load = "procs = LOAD procs.parquet AS process\n"
        files = {
            "score.py": MODULE,
            "alone.py": ALONE,
            "make.py": MAKE,
            "kestrel.toml": '[analytics]\ninterpreter = "%s"\n%s' % (given.python, CONFIG),
            "load.hf": load + "INFO procs\n",
            "apply.hf": load + "APPLY python://score ON procs\nhigh = procs WHERE x_label = 'high'\nINFO high\n",
        }
        for name, text in files.items():
            with open(os.path.join(folder, name), "w", encoding="utf-8") as handle:
                handle.write(text)
        timed([given.python, "make.py", "procs.parquet", str(given.rows)], folder)
        times = {"load": [], "apply": [], "alone": []}
        for run in range(given.runs + 1):
            for name, command in (
                ("load", [ours, "load.hf"]),
                ("apply", [ours, "apply.hf"]),
                ("alone", [given.python, "alone.py", "procs.parquet", "out.parquet", folder]),
            ):
                wall, shown = timed(command, folder)
                if name == "apply" and run == 0:
                    line = next((line for line in shown.splitlines() if line.startswith("high ")), "")
                    if line.split()[2:3] in ([], ["0"]):
                        sys.exit("the analytic's attribute did not come back:\n" + shown)
                if run:  # the first one warms the caches
                    times[name].append(wall)
        load, apply, alone = (statistics.median(times[name]) for name in ("load", "apply", "alone"))
    ratio = (apply - load) / alone
    print("rows             %10d" % given.rows)
    print("hunt without     %9.2f s" % load)
    print("hunt with APPLY  %9.2f s" % apply)
    print("APPLY            %9.2f s" % (apply - load))
    print("script alone     %9.2f s" % alone)
    print("ratio            %9.2f" % ratio)
    return int(ratio > given.most)


if __name__ == "__main__":
    sys.exit(main())
