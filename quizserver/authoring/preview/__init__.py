"""The preview for authors: errors at their line, the key and the evidence in sight.

Only ``quizserver preview`` builds an application with these pages, on an address of this machine.
"""
