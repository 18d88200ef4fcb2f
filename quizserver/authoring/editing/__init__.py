"""The editor: a text beside its page, saved while it is typed, published, discarded."""
