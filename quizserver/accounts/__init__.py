"""People: guests, sign-up, sign-in, roles, and the download and deletion of personal data."""
