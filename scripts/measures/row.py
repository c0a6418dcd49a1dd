"""One row of the bench: the samples of each server, the goal, and the words that say whether it was met."""
import statistics


class Row:
    """`goal` bounds Gyre's median: a ratio to the best peer's (`against="peers"`) or a figure in `unit` (`against="figure"`).

    A sample at `ceiling` means that the measurement was given up there; the true figure is larger.
    """

    def __init__(self, subject, name, unit, goal=None, against="figure", ceiling=None):
        self.subject, self.name, self.unit, self.goal, self.against, self.ceiling = subject, name, unit, goal, against, ceiling
        self.samples = {}
        self.faults = []

    def add(self, server, sample):
        self.samples.setdefault(server, []).append(sample)

    def fault(self, text):
        self.faults.append(text)

    def median(self, server):
        samples = self.samples.get(server)
        return statistics.median(samples) if samples else None

    def best_peer(self, ours):
        medians = [self.median(name) for name in self.samples if name != ours]
        return min((m for m in medians if m is not None), default=None)

    def ratio(self, ours):
        best, median = self.best_peer(ours), self.median(ours)
        return median / best if best and median is not None else None

    def verdict(self, ours):
        """'met', 'MISSED' or '' where there is nothing to judge."""
        measured = self.ratio(ours) if self.against == "peers" else self.median(ours)
        if self.faults and any(fault.startswith(ours + ":") for fault in self.faults):
            return "FAILED"
        if self.goal is None or measured is None:
            return ""
        return "met" if measured <= self.goal else "MISSED"

    def figure(self, server):
        """Median with its spread, as text."""
        samples = self.samples.get(server)
        if not samples:
            return "–"
        median = statistics.median(samples)
        if self.ceiling is not None and median >= self.ceiling:
            return f"> {self.ceiling:.0f}"
        digits = 0 if abs(median) >= 1000 else 1 if abs(median) >= 10 else 2
        text = f"{median:.{digits}f}"
        return text if len(samples) == 1 else f"{text} ({min(samples):.{digits}f}–{max(samples):.{digits}f})"

    def as_json(self, ours):
        return {"subject": self.subject, "name": self.name, "unit": self.unit, "goal": self.goal, "against": self.against,
                "samples": self.samples, "medians": {name: self.median(name) for name in self.samples}, "ratio": self.ratio(ours),
                "verdict": self.verdict(ours), "faults": self.faults}


def as_text(rows, ours, servers):
    """The rows as an aligned table."""
    return "\n".join(" | ".join(cells) for cells in aligned(table(rows, ours, servers)))


def as_markdown(rows, ours, servers):
    head, *body = aligned(table(rows, ours, servers))
    lines = [head, ["-" * len(cell) for cell in head], *body]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def table(rows, ours, servers):
    lines = [["row", "unit", *servers, "to the best peer", "goal", ""]]
    for row in rows:
        ratio = row.ratio(ours)
        goal = "" if row.goal is None else f"≤ {row.goal:g}" + (" ×" if row.against == "peers" else "")
        lines.append([row.name, row.unit, *(row.figure(name) for name in servers), f"{ratio:.2f}" if ratio is not None else "–", goal,
                      row.verdict(ours)])
    return lines


def aligned(lines):
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    return [[cell.ljust(width) for cell, width in zip(line, widths)] for line in lines]
