"""The arguments of each command: functions from a ``Scanner`` behind the command's name to the command's value."""
