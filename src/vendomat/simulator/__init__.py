"""The simulator: worlds of real terminals and a real cloud, with emulated payment platforms and shoppers around them.

It runs the product, it is never part of it: nothing outside the benchmarks and the command imports it.
"""
