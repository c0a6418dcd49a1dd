"""The parts of `scripts/differential.py`: what is sent (grammar, values, families), how it is sent (wire, run), and what counts as equal (compare)."""
