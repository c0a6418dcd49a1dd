"""Puts measured tables between their marks in README.md."""
import re

from servers import HOME


def write(name, text):
    """Replaces what stands between `<!-- NAME: begin -->` and `<!-- NAME: end -->`; ends the program if the marks are missing."""
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    path = HOME / "README.md"
    page = path.read_text()
    if begin not in page or end not in page:
        raise SystemExit(f"{path} has no {begin} … {end}")
    path.write_text(re.sub(re.escape(begin) + ".*?" + re.escape(end), lambda _: f"{begin}\n{text}\n{end}", page, flags=re.S))
