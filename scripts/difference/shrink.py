"""Makes a failing sequence small: fewer steps first, then fewer and shorter arguments, as long as the same finding stays."""

TRIALS_MAX = 400


def shrink(steps, fails):
    """The smallest list of steps found for which `fails(steps)` holds; it holds for the given one."""
    budget = [TRIALS_MAX]

    def still(candidate):
        budget[0] -= 1
        return budget[0] >= 0 and bool(candidate) and fails(candidate)

    size = max(1, len(steps) // 2)
    while size >= 1:
        at = 0
        while at < len(steps):
            candidate = steps[:at] + steps[at + size:]
            if still(candidate):
                steps = candidate
            else:
                at += size
        size //= 2
    for index in range(len(steps)):
        steps = shrink_words(steps, index, still)
    return steps


def shrink_words(steps, index, still):
    """Drops and shortens the arguments of one step's command, where it is one command."""
    get, put = accessors(steps[index])
    if get is None:
        return steps
    at = len(get) - 1
    while at >= 1:
        for words in (get[:at] + get[at + 1:], get[:at - 1] + get[at + 1:] if at >= 3 else None, get[:at] + [b"a"] + get[at + 1:] if len(get[at]) > 3 else None):
            if words:
                candidate = steps[:index] + [put(words)] + steps[index + 1:]
                if still(candidate):
                    steps, get = candidate, words
                    break
        at = min(at, len(get)) - 1
    return steps


def accessors(step):
    """The words of a step's only command and a function that makes the step anew; (None, None) where it has several or is a directive."""
    if isinstance(step, tuple):
        connection, words = step
        if isinstance(words, list) and not words[0].startswith(b"@"):
            return words, lambda changed: (connection, changed)
    elif len(step) == 1 and not step[0][0].startswith(b"@"):
        return step[0], lambda changed: [changed]
    return None, None
