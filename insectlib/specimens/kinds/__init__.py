"""Ten kinds of small animals that differ in form, for pictures of about thirty pixels."""
