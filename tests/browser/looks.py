"""How pages are looked at: each width and each scheme once, since neither changes the other."""

LOOKS = [(1280, "light"), (360, "dark")]
