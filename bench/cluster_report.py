# SPDX-License-Identifier: Apache-2.0
"""The results of bench/cluster as text, and as tables and plots in docs/performance.md between its markers."""

import report
from report import markdown, number

STEPS = (
    ("deliver", "deliver", "delivery"), ("stat", "login", "POP3 login"), ("stat", "stat", "STAT"), ("session", "list", "LIST"),
    ("session", "uidl", "UIDL"), ("session", "retr", "RETR"), ("delete", "quit", "QUIT after DELE of all"),
)  # fmt: skip
# What is wanted: throughput at saturation, times that of lwt; and the CPU of one node.
TIMES = {"1": 6, "20": 10}
DELIVERY_MS, SESSION_MS = (0.6, 2), (0.5, 3)


def profiles_of(results):
    return [(delay, profile, one) for delay, profiles in results["delays"].items() for profile, one in profiles.items()]


def rate(result):
    return result["done"] / result["seconds"]


def mission_table(results):
    head = ["link, profile", "mails/s accepted", "refused", "p50 ms", "p99 ms", "SERIAL timeouts", "lost", "doubled",
            "refused but there", "Cassandra CPU ms a mail", "Posthouse CPU ms a mail", "Paxos writes"]  # fmt: skip
    rows = []
    for delay, profile, one in profiles_of(results):
        mission, sent = one["mission"], one["mission"]["steps"]["deliver"]
        times = sent["steps"]["deliver"]
        rows.append([f"{delay} ms, `{profile}`", number(rate(sent), 1), str(sent["refused"]), number(times["p50_ms"], 1),
                     number(times["p99_ms"], 1), str(sent["serial_timeouts"]), str(mission["lost"]), str(mission["doubled"]),
                     str(mission["beyond"]), number(sent["cassandra_cpu_ms"], 1), number(sent["posthouse_cpu_ms"], 2),
                     str(one["paxos_writes"])])  # fmt: skip
    return markdown(head, rows)


def steps_table(results):
    found = profiles_of(results)
    head = ["p50 / p99, ms", *(f"{delay} ms, `{profile}`" for delay, profile, _ in found)]
    rows = []
    for work, step, title in STEPS:
        cells = []
        for _, _, one in found:
            times = one["mission"]["steps"][work]["steps"].get(step)
            cells.append(f"{times['p50_ms']:.1f} / {times['p99_ms']:.1f}" if times else "-")
        rows.append([title, *cells])
    return markdown(head, rows)


def saturation_table(results):
    head = ["link, profile", "mails/s accepted", "times `lwt`", "wanted", "refused", "p50 ms", "p99 ms", "p50 of `lwt` / p50",
            "Cassandra CPU ms a mail", "Posthouse CPU ms a mail"]  # fmt: skip
    rows = []
    for delay, profile, one in profiles_of(results):
        sent = one["saturation"]
        times = sent["steps"]["deliver"]
        lwt = results["delays"][delay].get("lwt", {}).get("saturation")
        is_free = profile != "lwt" and lwt is not None
        rows.append([f"{delay} ms, `{profile}`", number(rate(sent), 0),
                     number(rate(sent) / max(rate(lwt), 0.01), 1) if is_free else "-",
                     f"{TIMES[delay]}" if is_free and delay in TIMES else "-", str(sent["refused"]), number(times["p50_ms"], 1),
                     number(times["p99_ms"], 1), number(lwt["steps"]["deliver"]["p50_ms"] / times["p50_ms"], 1) if is_free else "-",
                     number(sent["cassandra_cpu_ms"], 2), number(sent["posthouse_cpu_ms"], 3)])  # fmt: skip
    return markdown(head, rows)


def statements_table(results):
    """Of the fixed rate: how often each was sent for a mail that was accepted, and how long it took on average."""
    found = profiles_of(results)
    head = ["statement: a mail / of them conditional / mean ms", *(f"{delay} ms, `{profile}`" for delay, profile, _ in found)]
    sent = [one["mission"]["steps"]["deliver"] for _, _, one in found]
    rows = []
    for name in sorted({name for one in sent for name in one["statements"]}):
        cells = []
        for one in sent:
            statement = one["statements"].get(name)
            if statement is None:
                cells.append("-")
                continue
            mails = max(1, one["done"])
            mean_ms = statement["total_us"] / statement["count"] / 1000
            cells.append(f"{statement['count'] / mails:.2f} / {statement.get('conditional', 0) / mails:.2f} / {mean_ms:.1f}")
        rows.append([f"`{name}`", *cells])
    return markdown(head, rows)


def alone_table(results):
    head = ["one node of each, warm", "a second", "Posthouse CPU ms", "wanted at most", "Cassandra CPU ms", "wanted at most"]
    rows = []
    for key, title, wanted in (("delivery", "delivery of 2 KB", DELIVERY_MS), ("session", "STAT, LIST, UIDL, one RETR", SESSION_MS)):
        one = results["alone"][key]
        rows.append([title, number(rate(one), 0), number(one["posthouse_cpu_ms"], 3), str(wanted[0]),
                     number(one["cassandra_cpu_ms"], 2), str(wanted[1])])  # fmt: skip
    return markdown(head, rows)


def deletions_table(results):
    one = results["alone"]["deletions"]
    head = ["one maildrop, one node", "login p50 / p99 ms", "STAT p50 / p99 ms"]
    titles = (("before", "before"), ("behind", f"right after {one['count']:,} deliveries and deletions"),
              ("floor", "three minutes later, its floor raised"))  # fmt: skip
    rows = [[title, *(f"{one[key][step]['p50_ms']:.1f} / {one[key][step]['p99_ms']:.1f}" for step in ("login", "stat"))]
            for key, title in titles]  # fmt: skip
    return markdown(head, rows)


def alone_tables(results):
    if "alone" not in results:
        return []
    return [alone_table(results), *([deletions_table(results)] if "deletions" in results["alone"] else [])]


def is_whole(results):
    return set(results["delays"]) == {"1", "20"} and all(len(one) == 2 for one in results["delays"].values()) and "alone" in results


def as_text(results):
    tables = [mission_table, saturation_table, steps_table, statements_table] if results["delays"] else []
    return "\n\n".join([*(table(results) for table in tables), *alone_tables(results)])


def plot(results, path):
    import matplotlib

    matplotlib.use("Agg")
    matplotlib.rcParams["svg.hashsalt"] = "posthouse"
    from matplotlib import pyplot

    colours = {"lwt": "#cc3311", "lwt-free": "#4477aa"}
    figure, (left, right) = pyplot.subplots(1, 2, figsize=(9, 3.6))
    found = profiles_of(results)
    names = [f"{delay} ms\n{profile}" for delay, profile, _ in found]
    left.bar(names, [rate(one["saturation"]) for _, _, one in found], color=[colours[profile] for _, profile, _ in found])
    left.set_ylabel("mails a second at saturation")
    for place, (_, profile, one) in enumerate(found):
        times = one["mission"]["steps"]["deliver"]["steps"]["deliver"]
        right.plot([place, place], [times["p50_ms"], times["p99_ms"]], color=colours[profile], linewidth=6)
        right.plot([place], [times["p50_ms"]], color="black", marker="_", markersize=18)
    right.set_xticks(range(len(found)), names)
    right.set_yscale("log")
    right.set_ylabel(f"ms a delivery, p50 to p99,\nat {results['options']['rate']} a second offered")
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)


def circumstances(results):
    options, machine = results["options"], results["machine"]
    load = f"load average {machine['load']:.1f} before"
    load += f", {machine['load_after']:.1f} after" if "load_after" in machine else ""
    about = f"One machine of {machine['processors']} processors, shared with other work ({load})."
    if results["delays"]:
        about += (f" Heaps of {options['heap']} MiB. Two datacenters of {options['nodes']} Cassandra and {options['posthouse']} Posthouse nodes; "
                  f"{options['rate']} mails of 2 KB a second offered for {options['seconds']} s by "
                  f"{options.get('offering', options['connections'])} connections, then {options['saturation']} s as fast as "
                  f"they go by {options['connections']}.")  # fmt: skip
    return about


def record(results, docs, section):
    body = [circumstances(results)]
    if results["delays"]:
        image = f"performance-{section}.svg"
        plot(results, docs / image)
        body += ["At the fixed rate:", mission_table(results), "At saturation:", saturation_table(results),
                 f"![Throughput and latency of both profiles]({image})", steps_table(results), statements_table(results)]  # fmt: skip
    body += [deletions_table(results)] if section == "deletions" else alone_tables(results)
    path = docs / "performance.md"
    text = report.replace_between(path.read_text(encoding="utf-8"), section, "\n\n".join(body))
    path.write_text(text, encoding="utf-8")
