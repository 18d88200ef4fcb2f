"""Evidence: what a topic's claims need trained, the verdicts, and the record of them (evidence.json)."""
