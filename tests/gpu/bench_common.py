"""What the tables of bench.py share: times by CUDA events, moba's command line, text."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time

import torch

REST_S, BURST_MS, FEWEST, MOST = 1.5, 150.0, 3, 20


class Skipped(Exception):
    """A measurement that is left out, with the reason."""


def reason(error):
    """An error in a line."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0][:300] if lines else ''}".replace("|", "/")


def events(call, count):
    """Milliseconds of each of some calls."""
    marks = [torch.cuda.Event(enable_timing=True) for _ in range(count + 1)]
    marks[0].record()
    for mark in marks[1:]:
        call()
        mark.record()
    marks[-1].synchronize()
    return [a.elapsed_time(b) for a, b in zip(marks, marks[1:])]


def timed(call):
    """Median and shortest milliseconds of a call after a rest. It is called before: compilation does not count."""
    call()
    call()
    count = max(FEWEST, min(MOST, int(BURST_MS / max(1e-3, min(events(call, 2))))))
    torch.cuda.synchronize()
    time.sleep(REST_S)
    call()
    times = sorted(events(call, count))
    return (times[(count - 1) // 2] + times[count // 2]) / 2, times[0]


def run_moba(moba, arguments, env=None, timeout=90):
    """Runs a command line of moba's, which must end well."""
    done = subprocess.run([moba, *arguments], env={**os.environ, **(env or {})}, capture_output=True, text=True, timeout=timeout)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(arguments[:2])} ended with {done.returncode}: {(done.stderr or done.stdout).strip()}")
    return done.stdout


def folder_for(bytes_needed):
    """A folder for the files of a workload: in memory where there is room."""
    shm = "/dev/shm"
    place = shm if os.path.isdir(shm) and shutil.disk_usage(shm).free > bytes_needed * 1.1 else None
    return tempfile.TemporaryDirectory(prefix="moba-bench-", dir=place)


def moba_report(moba, arguments, timeout):
    with tempfile.TemporaryDirectory(prefix="moba-bench-") as folder:
        path = os.path.join(folder, "report.json")
        run_moba(moba, [*arguments, "--json", path], timeout=timeout)
        return json.load(open(path, encoding="utf-8"))


def number(value, form="{:.2f}"):
    return "n/a" if value is None else form.format(value)


def say(text):
    print(text, file=sys.stderr, flush=True)
