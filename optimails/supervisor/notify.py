"""Telling systemd how we are (sd_notify(3)), without its library."""

import contextlib
import os
import socket
import time


def notify(*states: str) -> None:
    """Send states such as ``READY=1``; does nothing outside systemd."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    if address.startswith("@"):  # an abstract socket
        address = "\0" + address[1:]
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as out:
        out.sendto("\n".join(states).encode(), address)


def reloading() -> None:
    """Say that we reload; systemd wants to know when the reload began (``Type=notify-reload``)."""
    notify("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")


def watchdog_interval() -> float | None:
    """Seconds between two ``WATCHDOG=1``, when systemd watches us."""
    microseconds = os.environ.get("WATCHDOG_USEC", "")
    return int(microseconds) / 2_000_000 if microseconds.isdigit() else None
