"""The link to the cloud: identity, enrolment, requests in both directions. Stores nothing that matters."""

from vendomat.terminal.link.contract import CloudKeyBook, Down, NotAnsweredError, Wire
from vendomat.terminal.link.enrolment import Enrolment
from vendomat.terminal.link.https import CloudHttps
from vendomat.terminal.link.keys import CloudKeys, MachineKey, write_private
from vendomat.terminal.link.nats_wire import NatsWire
from vendomat.terminal.link.pictures import Pictures
from vendomat.terminal.link.refusals import Refusals
from vendomat.terminal.link.talk import Question, SealedTalk

__all__ = [
    "CloudHttps",
    "CloudKeyBook",
    "CloudKeys",
    "Down",
    "Enrolment",
    "MachineKey",
    "NatsWire",
    "NotAnsweredError",
    "Pictures",
    "Question",
    "Refusals",
    "SealedTalk",
    "Wire",
    "write_private",
]
