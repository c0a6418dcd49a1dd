"""Templates of commands and random sentences from them.

A template is a line: a word stands for itself, `<kind>` for a random argument (values.py), `[a | b]` for one of the choices or nothing, `(a | b)`
for one of them, `(...)+` for one to five of what stands inside, `(...)*` for none to four. Now and then a sentence is bent: an argument lost,
doubled, replaced or added, so that arity, syntax and type errors are met as well.
"""
import re

from .values import EVERY_EDGE, KINDS

TOKEN = re.compile(r"<[^>]+>|[\[\]()|]|\)[+*]|[+*](?=\s|$|\]|\)|\|)|[^\s\[\]()|<>]+")
BENT_SHARE = 0.07


def parse(template):
    tokens = TOKEN.findall(template)
    tree, rest = sequence(tokens, 0)
    if rest != len(tokens):
        raise ValueError(f"unbalanced template: {template}")
    return tree


def sequence(tokens, at):
    """A choice of sequences up to the closing bracket: ("choice", [[item, ...], ...])."""
    options, items = [], []
    while at < len(tokens) and tokens[at] not in "])":
        token = tokens[at]
        at += 1
        if token == "|":
            options.append(items)
            items = []
        elif token in "[(":
            inside, at = sequence(tokens, at)
            at += 1
            repeat = tokens[at] if token == "(" and at < len(tokens) and tokens[at] in "+*" else None
            at += repeat is not None
            items.append(("optional" if token == "[" else {"+": "some", "*": "many", None: "choice"}[repeat], inside))
        elif token.startswith("<"):
            items.append(("kind", KINDS[token[1:-1]]))
        else:
            items.append(("word", token.encode()))
    return options + [items], at


def derive(options, dice, family, out):
    for kind, inside in dice.choice(options):
        if kind == "word":
            out.append(inside if dice.random() < 0.9 else inside.lower())
        elif kind == "kind":
            out += inside(dice, family)
        elif kind == "choice" or kind == "optional" and dice.random() < 0.4:
            derive(inside, dice, family, out)
        elif kind in ("some", "many"):
            for _ in range(dice.choice((1, 1, 1, 2, 2, 3, 5)) if kind == "some" else dice.choice((0, 0, 1, 2, 4))):
                derive(inside, dice, family, out)


def bend(words, dice):
    """Spoils one thing about a sentence; the command's name stays."""
    words = list(words)
    at = dice.randint(1, len(words) - 1) if len(words) > 1 else None
    act = dice.randint(0, 5)
    if at is None or act == 0:
        words.insert(dice.randint(1, len(words)), dice.choice(EVERY_EDGE))
    elif act == 1:
        del words[at]
    elif act == 2:
        words[at] = dice.choice(EVERY_EDGE)
    elif act == 3:
        words.insert(at, words[at])
    elif act == 4:
        del words[at:]
    else:
        other = dice.randint(1, len(words) - 1)
        words[at], words[other] = words[other], words[at]
    return words


class Template:
    def __init__(self, text, weight=1.0):
        self.text, self.weight, self.tree = text, weight, parse(text)
        self.name = text.split()[0]

    def sentence(self, dice, family):
        words = []
        derive(self.tree, dice, family, words)
        is_directive = self.name.startswith("@")
        return bend(words, dice) if not is_directive and dice.random() < BENT_SHARE else words
