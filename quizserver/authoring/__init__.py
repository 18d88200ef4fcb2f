"""For those who write: starts, preview, and writing in the browser. The files stay the truth."""
