"""Moodle XML, Moodle's own format; its conventions on weights and categories serve GIFT too."""
