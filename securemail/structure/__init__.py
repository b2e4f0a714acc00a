"""The files in a message and in the archives in it: what they are by content, what hides among them, what is locked."""
