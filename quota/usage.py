"""What an account holds, against what it may hold."""

from dataclasses import dataclass, replace

from optimails.model.account import Limits


@dataclass(frozen=True, slots=True)
class Usage:
    """Expunged messages do not count."""

    storage: int  # bytes
    messages: int
    limits: Limits

    def plus(self, storage: int, messages: int) -> "Usage":
        """The usage after so many bytes and messages more (or fewer)."""
        return replace(self, storage=self.storage + storage, messages=self.messages + messages)

    def exceeded(self) -> bool:
        """Whether a resource is above its limit; to be exactly at it is allowed."""
        limits = self.limits
        return (limits.storage is not None and self.storage > limits.storage) or (
            limits.messages is not None and self.messages > limits.messages
        )

    def allows(self, storage: int, messages: int = 1) -> bool:
        """Whether so much more fits."""
        return not self.plus(storage, messages).exceeded()
