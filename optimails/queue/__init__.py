"""The outbound queue: mail that is to leave this server, safe on disk until it has left or was reported back."""
