"""Machine models: which slots a cabinet of one make has, how much each holds, and which machines are such a cabinet."""

from vendomat.cloud.machine_models.api import machine_models_router
from vendomat.cloud.machine_models.model import MachineModel, Mechanism, ModelSlot, NewModel
from vendomat.cloud.machine_models.service import ModelDesk
from vendomat.cloud.machine_models.store import models_of

__all__ = [
    "MachineModel",
    "Mechanism",
    "ModelDesk",
    "ModelSlot",
    "NewModel",
    "machine_models_router",
    "models_of",
]
