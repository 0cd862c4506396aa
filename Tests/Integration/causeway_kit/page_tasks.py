"""The processor time of a page's tasks, from a trace of Chromium. Other than durations, it does not grow when other programs have the core."""

import collections
import itertools
import json
import time
import urllib.request

import websocket

_CATEGORIES = ["disabled-by-default-devtools.timeline", "__metadata"]


def task_times(driver, seconds):
    """Traces for some seconds, and returns the processor time of each task of the busiest page's main thread in milliseconds."""
    address = driver.capabilities["goog:chromeOptions"]["debuggerAddress"]
    with urllib.request.urlopen(f"http://{address}/json/version") as response:
        endpoint = json.load(response)["webSocketDebuggerUrl"]
    # Chromium refuses connections that name an origin.
    connection = websocket.create_connection(endpoint, suppress_origin=True, timeout=60)
    try:
        numbers = itertools.count(1)

        def command(name, **parameters):
            connection.send(json.dumps({"id": next(numbers), "method": name, "params": parameters}))

        command("Tracing.start", transferMode="ReportEvents", traceConfig={"includedCategories": _CATEGORIES, "excludedCategories": ["*"]})
        connection.recv()
        time.sleep(seconds)  # The time that is traced.
        command("Tracing.end")
        events = []
        while (message := json.loads(connection.recv())).get("method") != "Tracing.tracingComplete":
            if message.get("method") == "Tracing.dataCollected":
                events += message["params"]["value"]
    finally:
        connection.close()
    return _of_busiest_page(events)


def _of_busiest_page(events):
    threads = {(one["pid"], one["tid"]): one["args"]["name"] for one in events if one["name"] == "thread_name"}
    tasks = collections.defaultdict(list)
    for one in events:
        thread = (one["pid"], one["tid"])
        # Few tasks are without a processor time: the trace began or ended in them.
        if one["name"] == "RunTask" and "tdur" in one and threads.get(thread) == "CrRendererMain":
            tasks[thread].append(one["tdur"] / 1000)
    return max(tasks.values(), key=sum)
