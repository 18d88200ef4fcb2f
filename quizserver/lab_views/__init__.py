"""Views of recorded evidence: lab bench, findings, phase maps. Nothing is run or queued here."""
