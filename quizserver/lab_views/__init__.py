"""Views of recorded evidence: lab bench, findings, phase maps. Nothing here runs or queues anything."""
