#!/usr/bin/env python3
"""Whole programs: time and peak memory, in pairs where two are compared. Needs /usr/bin/time.

    programs.py memory LIMIT FILE -- CMD ARGS...     peak memory at most LIMIT times FILE's size; exit status 1 if more
    programs.py time [-n RUNS] -- CMD ARGS...        median wall time and peak memory
    programs.py pair [-n RUNS] MAX-TIME MAX-MEMORY -- CMD A... -- CMD B...    A against B, in turn, with the ratios
"""
import os, subprocess, sys, tempfile, time
from statistics import median


def run(command):
    """Wall time in seconds; the command's output is thrown away."""
    since = time.perf_counter()
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    wall = time.perf_counter() - since
    if done.returncode:
        sys.exit(f"exit status {done.returncode}: {' '.join(command)}\n{done.stdout.decode(errors='replace')}")
    return wall


def peak(command):
    """Peak resident memory in bytes, of the command alone: a small parent starts it."""
    with tempfile.NamedTemporaryFile() as out:
        run(["/usr/bin/time", "-f", "%M", "-o", out.name, *command])
        return int(open(out.name).read().split()[-1]) * 1024


def split(args, most):
    """At "--", at most so many times: a command may hold one of its own."""
    groups = [[]]
    for arg in args:
        groups.append([]) if arg == "--" and len(groups) <= most else groups[-1].append(arg)
    return groups


def main(verb, *rest):
    options, *commands = split(rest, 2 if verb == "pair" else 1)
    runs = 15
    if options[:1] == ["-n"]:
        runs, options = int(options[1]), options[2:]
    if verb == "memory":
        limit, file = float(options[0]), options[1]
        size, used = os.path.getsize(file), peak(commands[0])
        verdict = "met" if used <= limit * size else "MISSED"
        print(f"peak memory {used / 1e6:.1f} MB for a file of {size / 1e6:.1f} MB: {used / size:.2f} times, target {limit:g}  {verdict}")
        return used > limit * size
    if verb == "time":
        run(commands[0])
        walls = sorted(run(commands[0]) for _ in range(runs))
        print(f"{median(walls) * 1e3:.1f} ms ({walls[0] * 1e3:.1f} to {walls[-1] * 1e3:.1f}), peak memory {peak(commands[0]) / 1e6:.1f} MB")
        return False
    a, b = commands
    run(a), run(b)
    pairs = [(run(a), run(b)) for _ in range(runs)]
    ratio, memory = median(x / y for x, y in pairs), peak(a) / peak(b)
    wall = [median(column) * 1e3 for column in zip(*pairs)]
    most_time, most_memory = map(float, options)
    print(f"time {wall[0]:.1f} ms / {wall[1]:.1f} ms = {ratio:.4f}, target {most_time:.4f}  {'met' if ratio <= most_time else 'MISSED'}")
    print(f"memory {peak(a) / 1e6:.1f} MB / {peak(b) / 1e6:.1f} MB = {memory:.3f}, target {most_memory:.3f}  {'met' if memory <= most_memory else 'MISSED'}")
    return memory > most_memory


sys.exit(main(*sys.argv[1:]))
