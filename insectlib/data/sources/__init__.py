"""Where pictures come from: the drawn collection, the photographs, and other data sets."""
