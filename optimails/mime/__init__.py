"""MIME structure, envelope, headers and text of messages, scanned on bytes."""
