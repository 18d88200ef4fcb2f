"""For authors: scaffolds, checks, verification, preview and the editor in the browser.

The files of the content folder are what is served; drafts are stored beside them.
"""
