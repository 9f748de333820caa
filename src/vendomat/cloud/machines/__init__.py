"""Machines: registering, enrolment, who may speak for a machine, and what a machine said last."""

from vendomat.cloud.machines.api import enrolment_router
from vendomat.cloud.machines.condition import ConditionItem, apply_conditions
from vendomat.cloud.machines.desk_api import machines_router
from vendomat.cloud.machines.directory import DirectoryEntry, MachineDirectory
from vendomat.cloud.machines.enrolment import Enrolment, EnrolmentDoor, JwtIssuer, KeyReplaced, WireAddress
from vendomat.cloud.machines.liveness import RaiseCloneAlarms, apply_heartbeats, apply_hellos, known_machines
from vendomat.cloud.machines.model import (
    Band,
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
from vendomat.cloud.machines.samples import SCHEDULE as SAMPLES_SCHEDULE
from vendomat.cloud.machines.samples import STEP as SAMPLES_STEP
from vendomat.cloud.machines.samples import STEPS_A_DAY as SAMPLES_A_DAY
from vendomat.cloud.machines.samples import LiveSamples
from vendomat.cloud.machines.service import IssuedToken, Machines
from vendomat.cloud.machines.store import machine_exists
from vendomat.cloud.machines.trust import KeySpread, spread_of

__all__ = [
    "SAMPLES_A_DAY",
    "SAMPLES_SCHEDULE",
    "SAMPLES_STEP",
    "Band",
    "CloneSuspicion",
    "ConditionItem",
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
    "LiveSamples",
    "MachineDirectory",
    "MachineEvent",
    "MachineState",
    "Machines",
    "NewMachine",
    "RaiseCloneAlarms",
    "Sender",
    "WireAddress",
    "apply_conditions",
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
