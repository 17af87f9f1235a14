"""What a poll and a wait cost: this package, other clients and loops written by hand, side by side.

``python -m benchmarks`` runs all of it; docs/explanation/performance.rst tells what it means.
"""
