"""Images, sent from the editor."""
