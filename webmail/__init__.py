"""Everything HTTP for users: set-up documents of mail programs, JMAP, the web client. Nothing is here yet."""
