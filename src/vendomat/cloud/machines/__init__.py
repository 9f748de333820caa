"""Machines: registering, enrolment, who may speak for a machine, and what a machine said last."""

from vendomat.cloud.machines.api import enrolment_router
from vendomat.cloud.machines.desk_api import machines_router
from vendomat.cloud.machines.directory import DirectoryEntry, MachineDirectory
from vendomat.cloud.machines.enrolment import Enrolment, EnrolmentDoor, JwtIssuer, KeyReplaced, WireAddress
from vendomat.cloud.machines.liveness import RaiseCloneAlarms, apply_heartbeats, apply_hellos, known_machines
from vendomat.cloud.machines.model import (
    CloneSuspicion,
    Greeted,
    HeartbeatItem,
    HelloItem,
    KnownMachine,
    MachineEvent,
    MachineState,
    NewMachine,
    Sender,
    is_online,
    offline_before,
)
from vendomat.cloud.machines.service import IssuedToken, Machines
from vendomat.cloud.machines.store import machine_exists
from vendomat.cloud.machines.trust import KeySpread, spread_of

__all__ = [
    "CloneSuspicion",
    "DirectoryEntry",
    "Enrolment",
    "EnrolmentDoor",
    "Greeted",
    "HeartbeatItem",
    "HelloItem",
    "IssuedToken",
    "JwtIssuer",
    "KeyReplaced",
    "KeySpread",
    "KnownMachine",
    "MachineDirectory",
    "MachineEvent",
    "MachineState",
    "Machines",
    "NewMachine",
    "RaiseCloneAlarms",
    "Sender",
    "WireAddress",
    "apply_heartbeats",
    "apply_hellos",
    "enrolment_router",
    "is_online",
    "known_machines",
    "machine_exists",
    "machines_router",
    "offline_before",
    "spread_of",
]
