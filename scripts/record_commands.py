#!/usr/bin/env python3
"""Writes tests/data/commands-8.0.6.txt: what COMMAND INFO and COMMAND DOCS of a real Redis 8.0.6 say of its core commands.

usage: scripts/record_commands.py [--server PATH] [--port N] [--print]
       scripts/record_commands.py --grammar NAME     ("set", "client|kill": the arguments as src/spec/grammar.rs writes them, for a row; asks no server)

Facts only: names, numbers, flags, positions, versions and the trees of arguments. Summaries, costs, histories and notes are texts, and are left out. One line
a command or subcommand, in the order of names, its parts between " | ":

  name arity | flags | first last step | categories | tips | key specifications | group since [deprecated-since] [+page-flag …] | arguments

  a key specification   flags, how the search begins, how the keys are found; `;` between two
  an argument           name:type, =TOKEN ('…' where it has other signs than letters), #number-of-its-key-specification, ? optional, * multiple, ^ its token each time, @since; (…) what is inside
"""
import argparse
import re
import sys

from servers import HOME, Client, Server, peer

PAGE = HOME / "tests/data/commands-8.0.6.txt"
HEAD = """# What COMMAND INFO and COMMAND DOCS of Redis 8.0.6 say of its core commands; written by scripts/record_commands.py, which explains it.
"""
MODULES = ("vectorset",)


def text(value):
    return value.decode() if isinstance(value, bytes) else str(value)


def listed(values, mark=""):
    return ",".join(text(value).removeprefix(mark) for value in values) or "-"


def key_spec(pairs):
    spec = dict(pairs)
    words = [listed(spec[b"flags"])]
    for part in (b"begin_search", b"find_keys"):
        kind = dict(spec[part])
        words += [text(kind[b"type"]), *(text(value) for _, value in kind[b"spec"])]
    return " ".join(words)


def token(word):
    return word if re.fullmatch(r"[\w-]+", word) else f"'{word}'"


def argument(pairs):
    facts = dict(pairs)
    flags = facts.get(b"flags", [])
    return "".join((
        f"{text(facts[b'name'])}:{text(facts[b'type'])}",
        f"={token(text(facts[b'token']))}" if b"token" in facts else "",
        f"#{facts[b'key_spec_index']}" if b"key_spec_index" in facts else "",
        "?" if b"optional" in flags else "", "*" if b"multiple" in flags else "", "^" if b"multiple_token" in flags else "",
        f"@{text(facts[b'since'])}" if b"since" in facts else "",
        f"({arguments(facts[b'arguments'])})" if b"arguments" in facts else ""))


def arguments(trees):
    return " ".join(argument(tree) for tree in trees)


def line(info, docs):
    name, arity, flags, first, last, step, categories, tips, key_specs, _ = info
    facts = dict(docs)
    page = " ".join([text(facts[b"group"]), text(facts[b"since"]), *([text(facts[b"deprecated_since"])] if b"deprecated_since" in facts else []),
                     *(f"+{text(flag)}" for flag in facts.get(b"doc_flags", []))])
    return " | ".join((f"{text(name)} {arity}", listed(flags), f"{first} {last} {step}", listed(categories, "@"), listed(tips),
                       "; ".join(map(key_spec, key_specs)) or "-", page, arguments(facts.get(b"arguments", [])) or "-"))


def lines(client, names):
    for name in names:
        info, docs = client.must("COMMAND", "INFO", name)[0], client.must("COMMAND", "DOCS", name)[0][1]
        yield line(info, docs)
        of_subcommand = dict(dict(docs).get(b"subcommands", []))
        for sub in info[9]:
            yield line(sub, of_subcommand[sub[0]])


PART = re.compile(r"(?P<name>[^:() ]+):(?P<kind>[a-z-]+)(?:=(?P<token>[\w-]+|'[^']*'))?(?P<key>#\d+)?(?P<marks>[?*^]*)(?:@(?P<since>[\d.]+))?(?P<inner>\()?")


def trees(text, at=0):
    """The arguments of a line of the page as dictionaries, and where they end."""
    found = []
    while at < len(text) and text[at] != ")":
        match = PART.match(text, at)
        part, at = match.groupdict(), match.end()
        if part["inner"]:
            part["inner"], at = trees(text, at)
            at += 1
        found.append(part)
        at += text[at:at + 1] == " "
    return found, at


def grammar(parts, keys=None):
    """Arguments in the notation of src/spec/grammar.rs."""
    keys = keys if keys is not None else [0]
    return " ".join(grammar_of(part, keys) for part in parts)


def grammar_of(part, keys):
    name, kind, token, inner, optional = part["name"], part["kind"], part["token"], part["inner"], "?" in part["marks"]
    suffix = ("+" if "*" in part["marks"] else "") + ("^" if "^" in part["marks"] else "") + (f"@{part['since']}" if part["since"] else "")
    token = token and (token.strip("'") or '""')
    if part["key"]:
        plain = kind == "key" and int(part["key"][1:]) == keys[0]
        keys[0] += kind == "key"
        suffix += "" if plain else part["key"]
    if kind == "pure-token":
        return wrap(token if name == token.lower() else f"{name}={token}", optional, name != token.lower(), suffix)
    if inner is None:
        word = name if kind == ("key" if name.endswith("key") else "string") else f"{name}:{kind}"
        if "^" in suffix or optional and suffix and not token:
            return wrap(f"{token} {word}" if token else word, optional, False, suffix)
        return wrap(f"{token} {word}{suffix}" if token else word + suffix, optional, False, "")
    choices = [grammar_of(one, keys) for one in inner]
    body = ("|" if kind == "oneof" else " ").join(choices)
    named = body if name == inner[0]["name"] else f"{name}={body}"
    if not token:
        return wrap(named, optional, True, suffix)
    if optional:
        return f"[{token} {{{named}}}]{suffix}"
    return f"{token} {{{named}}}{suffix}"


def wrap(body, optional, grouped, suffix):
    return f"[{body}]{suffix}" if optional else f"{{{body}}}{suffix}" if grouped else body + suffix


def print_grammar(name):
    for row in PAGE.read_text().splitlines():
        if row.startswith(name.lower() + " "):
            parts = row.split(" | ")
            print(parts[0], "|", grammar(trees(parts[7])[0]) if parts[7] != "-" else "")


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--server", help="another server to ask")
    options.add_argument("--port", type=int, default=7781)
    options.add_argument("--print", action="store_true", help="to standard output, not into the file")
    options.add_argument("--grammar", help="print a command's arguments in a row's notation")
    given = options.parse_args()
    if given.grammar:
        return print_grammar(given.grammar)
    with Server("reference", given.server or peer("redis-server"), given.port, core=None) as server:
        client = Client(server.port)
        client.must("HELLO", "3")
        of_modules = {name.lower() for module in MODULES for name in client.must("COMMAND", "LIST", "FILTERBY", "MODULE", module)}
        names = [text(name) for name in client.must("COMMAND", "LIST") if b"|" not in name and name.lower() not in of_modules]
        page = HEAD + "\n".join(sorted(lines(client, names))) + "\n"
        client.close()
    if given.print:
        sys.stdout.write(page)
    else:
        PAGE.write_text(page)
        print(f"{PAGE.relative_to(HOME)}: {page.count(chr(10)) - HEAD.count(chr(10))} commands")


if __name__ == "__main__":
    main()
