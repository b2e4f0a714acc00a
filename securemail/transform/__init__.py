"""What is added to mail that our users send: signatures and legal notices, before it is signed by DKIM."""
