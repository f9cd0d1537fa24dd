"""What a command costs: `cost.py TIMES CODE COMMAND...` prints CPU time and peak memory as JSON.

The command has to end with exit code CODE each time, or this ends with its output.
"""

import json
import resource
import subprocess
import sys

times, code, command = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]


def run():
    ended = subprocess.run(command, check=False, capture_output=True, text=True)
    if ended.returncode != code:
        sys.exit(f"{command} ended with {ended.returncode}: {ended.stderr}")


def spent():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


run()  # so that files are in memory
before = spent()
for _ in range(times):
    run()
milliseconds = (spent() - before) / times * 1e3
peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
print(json.dumps({"milliseconds": milliseconds, "mebibytes": peak}))
