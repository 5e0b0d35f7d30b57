"""Each module prints a table, kept in results/: `python -m benchmarks.NAME`."""
