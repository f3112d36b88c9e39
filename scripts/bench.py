"""Measures whole processes in turn and prints medians and ratios. `scripts/bench` calls it."""

import argparse
import base64
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

PASSWORD = "only-for-this-measurement"


def run(command, environment=None):
    """Runs a command to its end and returns (wall seconds, CPU seconds, peak RSS in MiB)."""
    started = time.perf_counter()
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment)
    _, status, usage = os.wait4(child.pid, 0)
    wall = time.perf_counter() - started
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        sys.exit(f"failed with {child.returncode}: {' '.join(map(str, command))}")
    return wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def compare(ours, theirs, runs):
    """Runs both in turn; the first pair only warms the page cache."""
    rows = {"ours": [], "theirs": []}
    for _ in range(runs + 1):
        rows["ours"].append(run(ours))
        rows["theirs"].append(run(theirs))
    medians = {name: [statistics.median(column) for column in zip(*measured[1:])] for name, measured in rows.items()}
    print(f"{'':24}{'wall s':>10}{'CPU s':>10}{'peak MiB':>10}")
    for name, label in (("ours", "tidegate scan"), ("theirs", "trivy 0.59.1 (SBOM)")):
        wall, cpu, peak = medians[name]
        print(f"{label:24}{wall:>10.3f}{cpu:>10.3f}{peak:>10.1f}")
    ratios = [mine / other for mine, other in zip(medians["ours"], medians["theirs"])]
    print(f"{'ratio':24}{ratios[0]:>10.2f}{ratios[1]:>10.2f}{ratios[2]:>10.2f}")


def resident_mib(pid):
    status = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+)", status).group(1)) / 1024


def wait_until_ready(site, server):
    for _ in range(200):
        try:
            urllib.request.urlopen(f"{site}/readyz").read()
            return
        except (urllib.error.URLError, ConnectionError):
            if server.poll() is not None:
                sys.exit("the server did not start")
            time.sleep(0.05)
    sys.exit("the server did not become ready")


def metric(site, name):
    text = urllib.request.urlopen(f"{site}/metrics").read().decode()
    found = re.search(rf"^{name} ([0-9.e+-]+)$", text, re.MULTILINE)
    return float(found.group(1)) if found else 0.0


def push(layout, site, repository, credentials):
    host = site.removeprefix("http://")
    started = time.perf_counter()
    subprocess.run(
        ["skopeo", "copy", "--quiet", "--dest-tls-verify=false", f"--authfile={credentials}",
         f"oci:{layout}:12", f"docker://{host}/{repository}:12"],
        check=True,
    )
    return time.perf_counter() - started


def measure_server(arguments, work):
    data = work / "data"
    shutil.rmtree(data, ignore_errors=True)
    site = f"http://127.0.0.1:{arguments.port}"
    subprocess.run(
        [arguments.tidegate, "advisories", "import", arguments.advisories, "--data", data, "--quiet"], check=True
    )
    credentials = work / "auth.json"
    login = base64.b64encode(f"admin:{PASSWORD}".encode()).decode()
    credentials.write_text(json.dumps({"auths": {f"127.0.0.1:{arguments.port}": {"auth": login}}}))
    environment = {**os.environ, "TIDEGATE_ADMIN_PASSWORD": PASSWORD}
    with open(work / "server.log", "wb") as log:
        server = subprocess.Popen(
            [arguments.tidegate, "serve", "--data", data, "--listen", f"127.0.0.1:{arguments.port}"],
            stderr=log, env=environment,
        )
    try:
        wait_until_ready(site, server)
        time.sleep(5)
        print(f"{'idle after start':32}{resident_mib(server.pid):>8.1f} MiB resident")
        took = push(arguments.layout, site, "bench/first", credentials)
        deadline = time.monotonic() + 60
        while metric(site, "tidegate_analysis_seconds_count") < 1:
            if time.monotonic() > deadline:
                sys.exit("the push was not analysed within a minute")
            time.sleep(0.01)
        report = metric(site, "tidegate_analysis_seconds_sum")
        print(f"{'push by skopeo':32}{took:>8.3f} s")
        print(f"{'report after its manifest':32}{report * 1000:>8.1f} ms")
        before = metric(site, "tidegate_analysis_seconds_sum")
        push(arguments.layout, site, "bench/second", credentials)
        while metric(site, "tidegate_analysis_seconds_count") < 2:
            if time.monotonic() > deadline:
                sys.exit("the second push was not analysed within a minute")
            time.sleep(0.01)
        again = metric(site, "tidegate_analysis_seconds_sum") - before
        print(f"{'the same, layers known':32}{again * 1000:>8.1f} ms")
        time.sleep(15)
        print(f"{'idle after the pushes':32}{resident_mib(server.pid):>8.1f} MiB resident")
    finally:
        server.terminate()
        server.wait()


def main():
    parser = argparse.ArgumentParser()
    for name in ("tidegate", "trivy", "archive", "layout", "advisories", "work"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--runs", type=int, required=True)
    parser.add_argument("--port", type=int, required=True)
    arguments = parser.parse_args()
    work = Path(arguments.work)
    snapshot = work / "advisories.tgdb"
    subprocess.run(
        [arguments.tidegate, "advisories", "import", arguments.advisories, "--out", snapshot, "--quiet"], check=True
    )
    source = f"docker-archive:{arguments.archive}"
    print("== scan of a Debian 12 minbase docker-archive, offline")
    compare(
        [arguments.tidegate, "scan", source, "--advisories", snapshot],
        [arguments.trivy, "image", "--input", arguments.archive, "--format", "cyclonedx", "--offline-scan", "--quiet",
         "--cache-backend", "memory"],
        arguments.runs,
    )
    print("\n== server on embedded defaults")
    measure_server(arguments, work)


if __name__ == "__main__":
    main()
