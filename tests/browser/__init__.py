"""Journeys in a real browser: a town of real processes, used the way people use it."""
