"""The core every service of Optimails stands on."""

__version__ = "0.1.0"
