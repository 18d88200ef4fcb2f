"""Who may do what: roles, the log of who granted them, and the admins' pages."""
