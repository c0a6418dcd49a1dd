"""Random arguments by kind, edge values among them: what a careless or hostile client might send where a command expects something.

A kind's generator takes the dice and the current family and returns a list of words, most often one. Nothing here may make a server build
something huge: values that would are either refused by Redis or left out.
"""
import time

# Keys by the type that usually lives there; a command sometimes takes a key of another type, to meet WRONGTYPE.
TYPES = ("string", "list", "set", "hash", "zset", "stream")
LETTERS = {"set": "u", "stream": "x"}
KEYS = {kind: [f"{LETTERS.get(kind, kind[0])}{i}".encode() for i in range(1, 5)] for kind in TYPES}
ODD_KEYS = [b"", b"missing", b"with space", b"\x00\xff\r\n", b"k" * 70, b"{tag}a"]
ALL_KEYS = [key for keys in KEYS.values() for key in keys] + ODD_KEYS
OTHER_TYPE_SHARE, ODD_KEY_SHARE = 0.05, 0.03

EDGE_INTEGERS = [b"9223372036854775807", b"-9223372036854775808", b"9223372036854775808", b"-9223372036854775809", b"2147483648", b"-2147483649",
                 b"4294967296", b"0", b"-0", b"+1", b"01", b" 1", b"1 ", b"", b"abc", b"1.5", b"1e3", b"0x10", b"--1", b"-", b"1\x00"]
EDGE_FLOATS = [b"inf", b"-inf", b"+inf", b"infinity", b"nan", b"-nan", b"1e308", b"-1.7976931348623157e308", b"1e309", b"1e-320", b"5e-324", b"0x10",
               b"0x1p-3", b" 1", b"1 ", b"1.", b".5", b"-0.0", b"-.0", b"1e", b"e5", b"1e5", b"3.0e003", b"", b"abc", b"1,5", b"12345678901234567890",
               b"0.1", b"0.2", b"3.14159265358979323846", b"17179869184.5", b"1e17", b"1e21", b"123456789.123456789", b"-9007199254740993", b"1_0"]
LONG = [b"x" * 63, b"y" * 64, b"z" * 65, b"w" * 300, b"q" * 45, b"q" * 44, b"7" * 20, b"5" * 21]
WORDS = [b"a", b"b", b"c", b"d", b"e", b"f", b"g", b"h", b"foo", b"bar", b"A", b"aa", b"\xc3\xa9", b"\x00", b"\xff\xfe", b"", b" ", b"a b", b'"q"', b"-", b"+", b"(",
         b"*", b"hello world", b"line\r\nbreak"]
PATTERNS = [b"*", b"?", b"", b"s*", b"*1", b"[a-c]*", b"[^a]*", b"[z-a]", b"\\*", b"[", b"[]", b"h?llo", b"**", b"*a*b*", b"\\", b"[a", b"z[12]", b"u[^3]", b"[\\]]"]


USERS = [b"u1", b"u1", b"u1", b"u2", b"u2", b"nobody", b"a b", b""]
CATEGORIES = [b"keyspace", b"read", b"write", b"string", b"HASH", b"list", b"set", b"fast", b"slow", b"pubsub", b"dangerous", b"connection", b"scripting", b"nosuch"]
# What ACL SETUSER takes, and some of what it does not. Connections go on being the default user, so that only others are changed.
RULES = [b"on", b"on", b"off", b"nopass", b"resetpass", b">p", b">q", b"<p", b"<q", b"skip-sanitize-payload", b"sanitize-payload", b"reset", b"allkeys", b"~*",
         b"resetkeys", b"~s*", b"~*1", b"%R~s*", b"%W~l*", b"%RW~u*", b"%r~z?", b"%RW", b"%", b"%~", b"%RR~x", b"~", b"~l1", b"allchannels", b"&*", b"resetchannels",
         b"&c1", b"&c*", b"&c?", b"allcommands", b"nocommands", b"+@all", b"-@all", b"+get", b"-get", b"+SET", b"-set", b"+config", b"-config", b"+config|get",
         b"-config|get", b"+config|set", b"+client|id", b"-client|id", b"+client", b"-client", b"+select|0", b"+select|1", b"+select", b"-select", b"+debug|object",
         b"+get|s1", b"+acl|whoami", b"-acl|log", b"+config|get|x", b"+nosuch", b"-nosuch", b"-get|x", b"+|x", b"+config|", b"nonsense", b"", b"#abc", b"!abc",
         b"#148de9c5a7a44d19e56cd9ae1a554bf67847afb0c58f6e12fa29ac7ddfca9940", b"!148de9c5a7a44d19e56cd9ae1a554bf67847afb0c58f6e12fa29ac7ddfca9940",
         b"clearselectors", b"(+get ~s*)", b"(+@read %R~*)", b"(+set", b"~l*)", b"()", b"( +set ~* )", b"(on)", b"(&c1 +publish)", b"(+get", b")", b"+PING", b"+subscribe",
         *(sign + b"@" + name for sign in (b"+", b"-") for name in CATEGORIES)]


def any_key(dice, family):
    return [dice.choice(ALL_KEYS)]


def key_of(kind):
    def generate(dice, family):
        roll = dice.random()
        if roll < ODD_KEY_SHARE:
            return [dice.choice(ODD_KEYS)]
        if roll < ODD_KEY_SHARE + OTHER_TYPE_SHARE:
            return [dice.choice(ALL_KEYS)]
        return [dice.choice(KEYS[kind])]
    return generate


def own_key(dice, family):
    """A key of the family's own type, or of any type where the family has none."""
    return key_of(family)(dice, family) if family in KEYS else key_of(dice.choice(TYPES))(dice, family)


def counted_keys(dice, family):
    """`numkeys key [key ...]`, now and then with a count that does not agree."""
    keys = [own_key(dice, family)[0] for _ in range(dice.choice((1, 1, 2, 2, 3)))]
    count = b"%d" % len(keys) if dice.random() < 0.94 else dice.choice([b"0", b"-1", b"5", b"100", *EDGE_INTEGERS])
    return [count, *keys]


def one_of(*makers):
    def generate(dice, family):
        return [dice.choice(makers)(dice)]
    return generate


def small(low, high):
    return lambda dice: b"%d" % dice.randint(low, high)


def edges(values):
    return lambda dice: dice.choice(values)


def mostly(usual, edge, share=0.07):
    def generate(dice, family):
        return [edge(dice) if dice.random() < share else usual(dice)]
    return generate


def float_word(dice):
    return dice.choice([b"%d" % dice.randint(-5, 20), b"%.2f" % dice.uniform(-10, 10), b"%r" % dice.uniform(-1e3, 1e3), b"%g" % (dice.uniform(-1, 1) * 10 ** dice.randint(-8, 18))])


def element(dice):
    roll = dice.random()
    if roll < 0.45:
        return dice.choice(WORDS[:12])
    if roll < 0.75:
        return b"%d" % dice.choice((dice.randint(-3, 25), dice.randint(-200, 200), dice.randint(-70000, 70000), dice.randint(-2**63, 2**63 - 1)))
    if roll < 0.85:
        return dice.choice(LONG)
    if roll < 0.95:
        return dice.choice(WORDS)
    return dice.choice(EDGE_INTEGERS + EDGE_FLOATS)


def score_bound(dice):
    roll = dice.random()
    if roll < 0.25:
        return dice.choice([b"-inf", b"+inf", b"inf"])
    word = b"%d" % dice.randint(-6, 20) if roll < 0.7 else float_word(dice)
    if roll > 0.95:
        word = dice.choice(EDGE_FLOATS)
    return b"(" + word if dice.random() < 0.3 else word


def lex_bound(dice):
    roll = dice.random()
    if roll < 0.3:
        return dice.choice([b"-", b"+"])
    if roll < 0.93:
        return dice.choice([b"[", b"("]) + dice.choice(WORDS + [b"%d" % dice.randint(0, 20)])
    return dice.choice([b"", b"a", b"[", b"(", b"--", b"+a", b"(("])


def angle(limit):
    """A longitude or latitude: mostly near one of a few places, now and then anywhere or at the edge of the map."""
    def generate(dice):
        roll = dice.random()
        if roll < 0.7:
            return b"%.6f" % (dice.choice((0, 10, -60, 0.999 * limit)) + dice.uniform(-1, 1) * 10 ** dice.randint(-4, 0) * 0.001 * limit)
        return b"%r" % dice.uniform(-limit, limit) if roll < 0.9 else dice.choice([b"0", b"5", b"10", b"-0", b"%r" % limit, b"-%r" % limit])
    return generate


def length(dice):
    return b"%.3f" % (10 ** dice.uniform(-2, 7.5)) if dice.random() < 0.5 else dice.choice([b"0", b"1", b"50", b"1000", b"200", b"20000"])


def seconds(dice):
    return dice.choice([b"100", b"1000", b"5000", b"86400"])


EDGE_TIMES = [b"0", b"-1", b"9223372036854775807", b"9223372036854775", b"9223372036854776", b"-9223372036854775808", b"abc", b"1.5", b"", b"18446744073709551616"]


def at_seconds(dice):
    return b"%d" % (int(time.time()) + dice.choice((1000, 5000, 100000)))


def at_milliseconds(dice):
    return b"%d" % (int(time.time() * 1000) + dice.choice((1000000, 5000000)))


def past(maker, divisor):
    return lambda dice: dice.choice([b"1", b"%d" % (time.time() * divisor - 5000 * divisor), *EDGE_TIMES])


EDGE_IDS = [b"0", b"0-0", b"-", b"+", b"$", b">", b"*", b"1-*", b"5-*", b"18446744073709551615", b"18446744073709551615-18446744073709551615",
            b"18446744073709551616-1", b"1-18446744073709551616", b"-1", b"1-", b"-1-1", b"1-1-1", b"(1-1", b"(", b"", b"abc", b"1.5", b"4294967296-1", b"1-4294967297",
            b"(18446744073709551615-18446744073709551615", b"(0-0"]


def stream_id(dice):
    return b"%d-%d" % (dice.randint(1, 12), dice.randint(0, 3)) if dice.random() < 0.7 else b"%d" % dice.randint(1, 14)


def id_bound(dice):
    roll = dice.random()
    return dice.choice([b"-", b"+"]) if roll < 0.5 else (b"(" if roll < 0.65 else b"") + stream_id(dice)


def new_id(dice):
    """Ids that mostly rise with the call, so that streams grow."""
    new_id.last = new_id.last % 60 + 1
    return dice.choice([b"%d-%d" % (new_id.last // 2, dice.randint(0, 3)), b"%d-*" % (new_id.last // 2), b"%d" % new_id.last, b"%d-*" % dice.randint(1, 40)])


new_id.last = 0


def streams_and_ids(special):
    """`key [key ...] id [id ...]`, now and then not as many of one as of the other."""
    def generate(dice, family):
        count = dice.choice((1, 1, 1, 2, 3))
        keys = [key_of("stream")(dice, family)[0] for _ in range(count)]
        ids = [dice.choice(EDGE_IDS) if dice.random() < 0.08 else dice.choice([*special, stream_id(dice), b"0"]) for _ in range(count)]
        return keys + (ids if dice.random() < 0.95 else ids[1:])
    return generate


def bits_key(dice, family):
    """Mostly strings that other commands left there."""
    return key_of("string")(dice, family)


def hll_key(dice, family):
    """Keys of their own, so that most are HyperLogLogs; now and then any."""
    return [dice.choice([b"h1", b"h2", b"h3", b"h4"])] if dice.random() < 0.92 else any_key(dice, family)


def many_elements(dice, family):
    """Numbers that come again, enough of them to outgrow small layouts."""
    first = dice.randint(0, 400)
    return [b"%d" % number for number in range(first, first + dice.choice((5, 30, 200)))]


def field_type(dice):
    return dice.choice((b"u", b"i")) + b"%d" % dice.choice((dice.randint(1, 63), dice.choice((1, 2, 4, 5, 8, 8, 16, 32, 63))))


def field_bit(dice):
    return dice.choice((b"", b"#")) + b"%d" % dice.choice((dice.randint(0, 20), dice.randint(0, 200)))


EDGE_BITS = [b"-1", b"4294967295999", b"4294967296", b"9223372036854775807", b"9223372036854775808", b"abc", b"", b"#", b"#1", b"1.0", b"01", b"+1"]
EDGE_FIELDS = [b"u64", b"i64", b"i65", b"u0", b"i0", b"u-1", b"x8", b"U8", b"8", b"u", b"", b"u08", b"i+8", b"i8 ", b"u 8", b"i8\x00x"]
EDGE_FIELD_BITS = [b"-1", b"#-1", b"##1", b"#", b"", b"4294967296", b"#9223372036854775807", b"9223372036854775808", b"abc", b"#4611686018427387905", b"01"]

KINDS = {
    "sid": mostly(stream_id, edges(EDGE_IDS)), "idbound": mostly(id_bound, edges(EDGE_IDS)), "newid": mostly(new_id, edges(EDGE_IDS)),
    "readids": streams_and_ids([b"$", b"+", b"0"]), "groupids": streams_and_ids([b">", b">", b">"]),
    "group": mostly(edges([b"g", b"g", b"h"]), edges([b"", b"none", b"a b"])), "consumer": mostly(edges([b"a", b"b", b"c"]), edges([b"", b"d e", b"\xff"])),
    "k.bits": bits_key, "k.hll": hll_key, "many": many_elements,
    "bit": mostly(lambda dice: b"%d" % dice.choice((dice.randint(0, 30), dice.randint(0, 400), dice.randint(0, 12000))), edges(EDGE_BITS), 0.1),
    "field": mostly(field_type, edges(EDGE_FIELDS), 0.08), "fieldbit": mostly(field_bit, edges(EDGE_FIELD_BITS), 0.08),
    "hllbyte": mostly(small(0, 60), edges([b"0", b"4", b"15", b"16"]), 0.3),
    "k": own_key, "any": any_key, "nkeys": counted_keys,
    **{f"k.{kind}": key_of(kind) for kind in TYPES},
    "v": one_of(element, element, float_word, small(-100, 100)),
    "e": one_of(element),
    "int": mostly(small(-10, 10), edges(EDGE_INTEGERS), 0.2),
    "index": mostly(small(-12, 12), edges(EDGE_INTEGERS), 0.1),
    "offset": mostly(small(0, 60), edges([b"-1", b"536870912", b"9223372036854775807", b"abc", b"", b"1.0"]), 0.08),
    "count": mostly(small(0, 6), edges([b"-1", b"-5", *EDGE_INTEGERS]), 0.12),
    "pcount": mostly(small(1, 6), edges([b"0", b"-1", *EDGE_INTEGERS]), 0.12),
    "few": mostly(small(-6, 6), edges([b"abc", b"", b"1.5", b"-9223372036854775808", b"9223372036854775808"]), 0.08),
    "float": mostly(float_word, edges(EDGE_FLOATS), 0.25),
    "score": mostly(lambda dice: dice.choice([b"%d" % dice.randint(-5, 15), float_word(dice)]), edges(EDGE_FLOATS), 0.08),
    "scorebound": one_of(score_bound), "lexbound": one_of(lex_bound),
    "sec": mostly(seconds, edges(EDGE_TIMES), 0.12), "ms": mostly(lambda dice: seconds(dice) + b"000", edges(EDGE_TIMES), 0.12),
    "at": mostly(at_seconds, past(at_seconds, 1), 0.12), "atms": mostly(at_milliseconds, past(at_milliseconds, 1000), 0.12),
    "timeout": mostly(edges([b"0.01", b"0.02", b".01"]), edges([b"-1", b"abc", b"", b"1e400", b"nan", b"inf", b"-0.1", b"9223372036854775807"]), 0.15),
    "db": mostly(small(0, 2), edges([b"15", b"16", b"-1", *EDGE_INTEGERS]), 0.1),
    "pattern": one_of(edges(PATTERNS), edges(PATTERNS), edges(WORDS)),
    "weight": mostly(float_word, edges(EDGE_FLOATS), 0.15),
    "corner": lambda dice, family: [angle(180)(dice), angle(85.05112878)(dice)],
    "lon": mostly(angle(180), edges(EDGE_FLOATS + [b"180.0001", b"-181"]), 0.04), "lat": mostly(angle(85.05112878), edges(EDGE_FLOATS + [b"85.06", b"-90"]), 0.04),
    "length": mostly(length, edges([b"-1", b"-0.0", *EDGE_FLOATS]), 0.08),
    "unit": mostly(edges([b"m", b"km", b"KM", b"ft", b"mi"]), edges([b"", b"cm", b"meters"]), 0.05),
    "channel": one_of(edges([b"c1", b"c2", b"c3", b"", b"ch\x00"])),
    "cpattern": one_of(edges([b"c*", b"c?", b"*", b"c[12]"])),
    "user": one_of(edges(USERS)), "password": one_of(edges([b"p", b"q", b"nonsense"])),
    "rule": one_of(edges(RULES)), "category": one_of(edges(CATEGORIES)),
    "word": one_of(edges([word for word in WORDS if b"\x00" not in word])),  # names in error texts end at a NUL in Redis
}
EVERY_EDGE = EDGE_INTEGERS + EDGE_FLOATS + WORDS + LONG[:3] + EDGE_TIMES + [b"NX", b"XX", b"COUNT", b"LIMIT", b"WITHSCORES", b"GET", b"EX", b"STORE"]
