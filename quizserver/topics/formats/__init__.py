"""Import and export of question banks.

Each format (``plain``, ``gift``, ``moodle``, ``qti``) is one module or package, and one entry of
``registry.FORMATS``. On the way in, ``banks.import_bank`` has a format's reader yield
``QuestionData``, ``normalise`` composes each as a markdown file and checks it, and ``importer``
writes the files. On the way out, ``banks.export_bank`` prepares each question with
``export_question`` and hands them to a format's writer.
"""
