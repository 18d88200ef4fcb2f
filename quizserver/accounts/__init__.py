"""People: guests, sign-up, sign-in, roles, and what somebody may take along or delete."""
