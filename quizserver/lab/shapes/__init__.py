"""Named properties of curves: of one, of a pair, and beside a number.

A new shape is one rule and one entry in ``single``, ``pair`` or ``threshold``.
"""
