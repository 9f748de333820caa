"""Vendomat: an intelligent vending system.

The parts and their import rule are described in ARCHITECTURE.md.
"""

__version__ = "0.1.0"
