"""What one message may make us do. Beyond a limit the answer is coarser, never wrong in its offsets."""

MAX_DEPTH = 100
"""Levels of multipart and embedded message; what lies deeper is one opaque leaf."""

MAX_PARTS = 20_000
"""Parts of one message; the rest of the multipart that reaches it is one opaque leaf."""

MAX_PARAMS = 100
"""Parameters of one Content-Type or Content-Disposition."""

HEADER_LIMIT = 2 * 1024 * 1024
"""Bytes of one header block in which we look for fields; where the block ends is found at any size."""

FIELD_LIMIT = 64 * 1024
"""Bytes of one structured field (Content-*, Date) or of a text to be decoded that are looked at."""

PREPARED_LIMIT = 32 * 1024
"""Bytes of ``Prepared.headers``."""

QUOTED_LIMIT = 1000
"""Longer strings are sent as literals: some clients read a response line into a buffer of fixed size."""

SCAN_FACTOR = 16
SCAN_FLOOR = 64 * 1024 * 1024
FALSE_HIT_COST = 512
"""The boundary search of a message may read ``SCAN_FLOOR`` plus ``SCAN_FACTOR`` times its size, all levels of nesting
together; a line that only resembles a delimiter counts as so many bytes, because it costs as much."""
