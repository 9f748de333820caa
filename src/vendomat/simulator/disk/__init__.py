"""A disk in memory that can be full, refuse, and lose power: under the real SQLite, without touching a real file."""

from vendomat.simulator.disk.disk import Disk
from vendomat.simulator.disk.model import Call, Content, DiskFault

__all__ = ["Call", "Content", "Disk", "DiskFault"]
