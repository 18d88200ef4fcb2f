"""Plain banks: task lists in markdown, as people publish them on code hosts. Read only.

``split`` cuts a bank into its questions, ``options`` a question into stem, options and the lines
that follow, and ``reader`` converts what these hold to a ``QuestionData``.
"""
