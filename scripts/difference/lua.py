"""Scripts: a few commands of the data families, called one after the other by Lua, with what each of them answered."""
from .compare import RULES, TIMES
from .grammar import bend

CALLS_MAX = 4
# How a script looks at a reply before it gives it back.
WRAPS = ("{}", "{}", "type({})", "{{({})}}", "#{{{}}}", "cjson.encode({{{}}})", "pcall(function() return {} end)")


def quoted(word):
    return '"' + "".join(chr(b) if 32 <= b < 127 and b not in b'"\\' else f"\\{b:03d}" for b in word) + '"'


class Script:
    """EVAL of a script that is made anew each time; the same face as a Template."""

    def __init__(self, templates, weight):
        self.name, self.text, self.weight = "EVAL", "EVAL", weight
        # What is answered in no promised order, or at random, would not be the same twice.
        self.templates = [t for t in templates if t.name not in RULES and t.name not in TIMES and not t.name.startswith("@") and t.name not in ("SELECT", "SWAPDB", "WAIT", "LCS", "LSET") and "HELP" not in t.text]

    def sentence(self, dice, family):
        calls = []
        for _ in range(dice.randint(1, CALLS_MAX)):
            words = dice.choice(self.templates).sentence(dice, dice.choice(("string", "list", "set", "hash", "zset")))
            how = dice.choice(("redis.call", "redis.pcall", "redis.pcall"))
            calls.append(f"{how}({', '.join(map(quoted, words))})")
        roll = dice.random()
        if roll < 0.5:
            body = "return {" + ", ".join(dice.choice(WRAPS).format(call) if dice.random() < 0.2 else call for call in calls) + "}"
        else:
            body = " ".join(f"local r{i} = {call}" for i, call in enumerate(calls)) + f" return r{dice.randrange(len(calls))}"
        if dice.random() < 0.2:
            body = "redis.setresp(3) " + body
        if dice.random() < 0.1:
            body = "#!lua flags=" + dice.choice(("no-writes", "allow-oom", "allow-stale", "no-cluster", "nonsense")) + "\n" + body
        name = dice.choice((b"EVAL", b"EVAL", b"EVAL", b"EVAL_RO"))
        words = [name, body.encode("latin1"), b"0"]
        return bend(words, dice) if dice.random() < 0.03 else words
