"""What `scripts/bench.py` measures, a subject a file; each yields rows for one table."""
