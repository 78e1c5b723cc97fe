"""One module per campaign, each with the name ``CAMPAIGN``; nothing else lies here."""
