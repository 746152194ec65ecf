"""What is raised where data are not at hand."""


class DataUnavailableError(OSError):
    """Data or weights cannot be had, or are not those that were published.

    The message says which, why, and how to get them.
    """
