"""Antivirus engines behind one interface: those that run beside us are asked over the network, from here."""
