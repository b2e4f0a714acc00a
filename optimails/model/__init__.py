"""Values that every layer speaks: identifiers, flags, names, sets, addresses, errors. Pure: no I/O, no state."""
