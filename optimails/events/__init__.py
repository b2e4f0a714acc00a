"""Change notices between sessions and processes: who, where, up to which change; never what.

A notice is a hint to look: the reader asks the index what changed. So notices may be merged, doubled or lost without
harm; a session also looks by itself now and then.
"""

from optimails.events.api import Bus, Kind, Notice, Subscription
from optimails.events.datagram import DatagramBus
from optimails.events.memory import MemoryBus

__all__ = ["Bus", "DatagramBus", "Kind", "MemoryBus", "Notice", "Subscription"]
