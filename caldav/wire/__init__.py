"""XML of WebDAV ⇄ values; knows nothing of accounts."""
