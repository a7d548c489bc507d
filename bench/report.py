# SPDX-License-Identifier: Apache-2.0
"""The results of tools/run-bench as text, and as tables and plots in docs/performance.md between its markers."""

import re
import statistics

import works

OURS, PEER, NOTHING = "posthouse", "dovecot", "nothing"
# What a held session may take, in KiB. That of IMAP is in IDLE, on an empty INBOX.
HELD = (("pop3-plain", "POP3, in clear", 2), ("pop3-tls", "POP3, TLS", 16), ("imap-plain", "IMAP, in clear", 4),
        ("imap-tls", "IMAP, TLS", 18))  # fmt: skip


def ratios(results, name, key):
    """(min, median, max) of ours to the peer's, round by round; None without a peer."""
    pairs = zip(results[OURS]["works"].get(name, []), results.get(PEER, {}).get("works", {}).get(name, []))
    found = [ours[key] / peer[key] for ours, peer in pairs if peer[key] > 0]
    return (min(found), statistics.median(found), max(found)) if found else None


def median(results, server, name, key):
    found = [one[key] for one in results.get(server, {}).get("works", {}).get(name, [])]
    return statistics.median(found) if found else None


def number(value, digits=2):
    return "-" if value is None else f"{value:,.{digits}f}"


def spread(values, digits=3):
    return "-" if values is None else f"{values[1]:.{digits}f} ({values[0]:.{digits}f} to {values[2]:.{digits}f})"


def markdown(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def works_table(results):
    head = ["work", "CPU ms: Posthouse", "Dovecot", "the kernel alone", "ratio of CPU (min to max)", "wanted at most",
            "a second: Posthouse", "Dovecot", "ratio of rates (min to max)", "p50 ms: Posthouse", "Dovecot"]  # fmt: skip
    rows = []
    for work in works.WORKS:
        if work.name not in results[OURS]["works"]:
            continue
        ours = [median(results, OURS, work.name, key) for key in ("cpu_ms", "rate", "p50_ms")]
        peer = [median(results, PEER, work.name, key) for key in ("cpu_ms", "rate", "p50_ms")]
        cpu = ratios(results, work.name, "cpu_ms")
        target = f"{work.target:.3f}" if work.target else "-"
        floor = median(results, NOTHING, work.name, "cpu_ms")
        rows.append([work.title, number(ours[0], 3), number(peer[0]), number(floor, 3), spread(cpu), target, number(ours[1], 0),
                     number(peer[1], 0), spread(ratios(results, work.name, "rate"), 1), number(ours[2]), number(peer[2])])  # fmt: skip
    return markdown(head, rows)


def traces_table(results):
    head = ["work", "system calls: Posthouse", "Dovecot", "syncs: Posthouse", "Dovecot"]
    rows = []
    for work in works.WORKS:
        ours = results[OURS]["traces"].get(work.name)
        peer = results.get(PEER, {}).get("traces", {}).get(work.name, {})
        if ours:
            rows.append([work.title, number(ours["calls"], 0), number(peer.get("calls"), 0), number(ours["syncs"], 2),
                         number(peer.get("syncs"), 2)])  # fmt: skip
    return markdown(head, rows)


def held_table(results):
    head = ["idle logged-in session", "Posthouse: held", "KiB each (PSS + page tables)", "wanted at most", "Dovecot: held",
            "KiB each"]  # fmt: skip
    rows = []
    for kind, title, target in HELD:
        ours = results[OURS]["held"][kind]
        peer = results.get(PEER, {}).get("held", {}).get(kind)
        cells = [f"{one['pss_kib']:.1f} + {one['tables_kib']:.2f}" if one else "-" for one in (ours, peer)]
        rows.append([title, number(ours["held"], 0), cells[0], str(target), number(peer and peer["held"], 0), cells[1]])
    return markdown(head, rows)


def million_table(results):
    one = results["million"]
    head = ["deliveries of 2 KB, 32 connections", "a second: median (min to max)", "CPU ms"]
    rows = [[title, spread(sorted_spread([r["rate"] for r in one[key]]), 0), number(statistics.median(r["cpu_ms"] for r in one[key]), 3)]
            for key, title in (("empty", "into the empty store"), ("full", f"into the store of {one['messages']:,} messages"))]  # fmt: skip
    rows.append(["ratio, round by round; 0.7 or more is wanted", spread(sorted_spread(one["ratios"]), 2), "-"])
    return markdown(head, rows)


def sorted_spread(values):
    return min(values), statistics.median(values), max(values)


def as_text(results):
    if "million" in results:
        return million_table(results)
    return "\n\n".join([works_table(results), traces_table(results), held_table(results)])


# ---- Into the documentation ----


def plot(results, path):
    """Each kind of work: CPU as a part of the peer's, with the spread of the rounds, and what is wanted."""
    import matplotlib

    matplotlib.use("Agg")
    matplotlib.rcParams["svg.hashsalt"] = "posthouse"
    from matplotlib import pyplot

    shown = [work for work in works.WORKS if ratios(results, work.name, "cpu_ms")]
    figure, axes = pyplot.subplots(figsize=(9, 4.2))
    places = range(len(shown), 0, -1)
    for place, work in zip(places, shown):
        low, middle, high = ratios(results, work.name, "cpu_ms")
        axes.barh(place, middle, color="#4477aa", height=0.6)
        axes.plot([low, high], [place, place], color="black", linewidth=1.2)
        if work.target:
            axes.plot([work.target] * 2, [place - 0.4, place + 0.4], color="#cc3311", linewidth=2)
    axes.set_yticks(list(places), [work.title for work in shown])
    axes.set_xlabel("CPU an operation, as a part of Dovecot's; line: min to max of the rounds; red: wanted at most")
    axes.set_xlim(left=0)
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)


def replace_between(text, name, body):
    pattern = re.compile(rf"(<!-- {name}: begin -->\n).*?(<!-- {name}: end -->)", re.S)
    if not pattern.search(text):
        raise SystemExit(f"docs/performance.md has no marker {name}")
    return pattern.sub(lambda match: match.group(1) + body + "\n" + match.group(2), text)


def record(results, docs, is_million):
    path = docs / "performance.md"
    machine = results["machine"]
    about = (f"{machine['processors']} processors, shared with other work (load average {machine['load']:.1f}); "
             f"{machine['rounds']} rounds; medians.")  # fmt: skip
    text = path.read_text(encoding="utf-8")
    if is_million:
        text = replace_between(text, "million", f"`tools/run-bench --million`: {about}\n\n{million_table(results)}")
    else:
        plot(results, docs / "performance.svg")
        body = (f"`make bench`: {about}\n\n{works_table(results)}\n\n![CPU as a part of Dovecot's](performance.svg)\n\n"
                f"{traces_table(results)}\n\n{held_table(results)}")  # fmt: skip
        text = replace_between(text, "bench", body)
    path.write_text(text, encoding="utf-8")
