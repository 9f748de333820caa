"""What every feature of the cloud stands on: database, outbox, jobs, the wire, identity, settings, embedded engines.

Each module here is one service and a door of its own, so this package offers nothing itself. It knows no feature.
"""
