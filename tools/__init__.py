"""What turns the notebooks into a book: execute, stage, pair. Called from the Makefile."""
