"""Named properties of curves that code can decide: of one, of a pair, and beside a number."""
