"""The command line, ``tokfluence``. It alone knows of cyclopts and rich, and it imports late: a preview is quick."""
