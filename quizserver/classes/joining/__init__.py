"""Coming into a class by its code or link."""
