"""Benchmarks: what the product can carry, measured on its real parts. Never imported by the product."""
