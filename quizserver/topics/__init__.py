"""What authors write: markdown topics, checked, rendered and kept as consistent snapshots."""
